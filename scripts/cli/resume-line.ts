/** Command lines for people to copy: how an interrupted verb goes on. */
import type { Io, Options } from "./command.ts";

/** Says how a run that was interrupted goes on; returns the exit code. */
export function noteInterrupted(
  io: Io,
  step: number,
  commandLine: Parameters<typeof resumeLine>,
): 130 {
  io.err(`interrupted and saved after step ${step}; go on with:`);
  io.err(`  ${resumeLine(...commandLine)}`);
  return 130;
}

/** The same command line with --resume, for a shell. `values` may hold more than the verb's options. */
function resumeLine(
  verb: string,
  known: Options,
  values: Readonly<Record<string, unknown>>,
  positionals: readonly string[],
): string {
  const options = Object.entries(values).flatMap(([name, value]) => {
    const isOther = name === "resume" || name === "overwrite" || !(name in known);
    if (isOther || value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    return [value].flat().map((item) => `--${name} ${shellWord(String(item))}`);
  });
  return [`npx edge-prefix ${verb}`, ...positionals.map(shellWord), ...options, "--resume"].join(
    " ",
  );
}

/** A text as one word of a shell's command line. */
export const shellWord = (text: string): string =>
  /^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
