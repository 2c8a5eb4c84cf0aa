/** Runs a verb of the command line inside the test's own process and keeps what it wrote. */
import { main } from "../../scripts/cli.ts";

export interface VerbResult {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Runs one command line, without `npx edge-prefix`. */
export async function runVerb(...args: readonly string[]): Promise<VerbResult> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(args, {
    stdin: (async function* () {})(),
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    signal: new AbortController().signal,
  });
  return { code, out, err };
}
