/** Runs a verb of the command line inside the test's own process and keeps what it wrote. */
import { main } from "../../scripts/cli/main.ts";
import { VERBS } from "../../scripts/commands/verbs.ts";

export interface VerbResult {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Runs one command line, without `npx edge-prefix`. */
export const runVerb = (...args: readonly string[]): Promise<VerbResult> => watchVerb(args);

/** The same; `onErr` sees every line of standard error as it comes and may abort the run. */
export async function watchVerb(
  args: readonly string[],
  onErr: (line: string, abort: () => void) => void = () => {},
  signal?: AbortSignal,
  stdin: string | Uint8Array = "",
): Promise<VerbResult> {
  const out: string[] = [];
  const err: string[] = [];
  const own = new AbortController();
  const code = await main(
    args,
    {
      stdin: (async function* () {
        yield Buffer.from(stdin);
      })(),
      out: (line) => void out.push(line),
      err: (line) => {
        err.push(line);
        onErr(line, () => own.abort());
      },
      signal: signal ?? own.signal,
    },
    VERBS,
  );
  return { code, out, err };
}

/** What it wrote as two texts. */
export const asText = ({ code, out, err }: VerbResult) => ({
  code,
  out: out.join("\n"),
  err: err.join("\n"),
});
