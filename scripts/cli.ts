/**
 * The process of the command line: streams, signals and the exit code around `main`. It is the
 * program of `node scripts/cli.ts` and, built, of the package's command; nothing imports it.
 */
import { main } from "./cli/main.ts";
import { VERBS } from "./commands/verbs.ts";

const abort = new AbortController();
const interrupt = (): void => {
  // The first signal asks the verb to save and stop; the second one ends the process at once.
  if (abort.signal.aborted) process.exit(130);
  abort.abort();
};
process.on("SIGINT", interrupt);
process.on("SIGTERM", interrupt);
// `edge-prefix list | head`: a reader that closes the pipe early is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});
const io = {
  stdin: process.stdin,
  out: (line: string) => void process.stdout.write(`${line}\n`),
  err: (line: string) => void process.stderr.write(`${line}\n`),
  signal: abort.signal,
};
process.exitCode = await main(process.argv.slice(2), io, VERBS);
process.off("SIGINT", interrupt);
process.off("SIGTERM", interrupt);
