/**
 * One command line without a process around it: finds the verb, parses its options, runs it. Exit
 * codes: 0 done, 1 failed, 2 the command line is wrong, 130 interrupted after the state was saved.
 * With `--json` standard output carries nothing but JSON; everything else goes to standard error.
 */
import { parseArgs } from "node:util";
import { EdgePrefixError } from "../../src/core/errors.ts";
import { unexpectedWriteError } from "../node/disk.ts";
import { readPackageFile } from "../node/project.ts";
import { UsageError } from "./command.ts";
import type { Command, Io, Option, Options, Verbs } from "./command.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { closest } from "./closest.ts";

/** Options that every verb understands. */
export const COMMON_OPTIONS = {
  json: { type: "boolean", hint: "machine-readable output: JSON on stdout, the rest on stderr" },
  help: { type: "boolean", short: "h", hint: "show this help" },
  verbose: { type: "boolean", hint: "show stack traces of errors" },
} as const satisfies Options;

/** Runs one command line (without `node cli.ts`) over a table of verbs; returns its exit code. */
export async function main(
  argv: readonly string[],
  io: Omit<Io, "json">,
  verbs: Verbs,
): Promise<number> {
  const [verb, ...rest] = readableAsHelp(argv);
  const isVerbose = rest.includes("--verbose");
  try {
    if (verb === undefined || verb === "help" || verb === "--help" || verb === "-h") {
      io.out(generalHelp(verbs, COMMON_OPTIONS));
      return verb === undefined ? 2 : 0;
    }
    if (verb === "--version" || verb === "version") {
      io.out(readPackageFile().version);
      return 0;
    }
    const family = await loadVerb(verb, verbs);
    const member = rest[0] === undefined ? undefined : await family.choose?.(rest[0]);
    const command = member ?? family;
    const words = member ? `${verb} ${rest[0]}` : verb;
    const { values, positionals } = parse(words, command, member ? rest.slice(1) : rest);
    if (values.help === true) {
      io.out(commandHelp(words, command, COMMON_OPTIONS));
      return 0;
    }
    const json = values.json === true;
    return await command.run({ values: values as never, positionals, io: { ...io, json } });
  } catch (thrown) {
    const error = unexpectedWriteError(thrown);
    if (error instanceof UsageError) {
      io.err(`error: ${error.message}`);
      io.err(
        `hint: npx edge-prefix ${verb !== undefined && Object.hasOwn(verbs, verb) ? `${verb} ` : ""}--help`,
      );
      return 2;
    }
    if (io.signal.aborted) return 130;
    if (error instanceof EdgePrefixError) {
      io.err(`error [${error.code}]: ${error.message}`);
      if (isVerbose) io.err(stackOf(error));
      return 1;
    }
    io.err(
      isVerbose ? stackOf(error) : `error [unexpected]: ${messageOf(error)} (--verbose: stack)`,
    );
    return 1;
  }
}

/** `help train` is `train --help`; `help bench golden` is `bench golden --help`. */
const readableAsHelp = (argv: readonly string[]): readonly string[] =>
  argv[0] === "help" && argv.length > 1 ? [...argv.slice(1), "--help"] : argv;

async function loadVerb(name: string, verbs: Verbs): Promise<Command> {
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb) return (await verb.load()).command;
  const similar = closest(name, Object.keys(verbs));
  throw new UsageError(
    `unknown verb ${JSON.stringify(name)}${similar ? `; did you mean "${similar}"?` : ""}`,
  );
}

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>;

function parse(verb: string, command: Command, args: readonly string[]) {
  const options: Record<string, Option> = { ...COMMON_OPTIONS, ...command.options };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: Object.fromEntries(Object.entries(options).map(([name, o]) => [name, toNode(o)])),
      allowPositionals: true,
      strict: true,
    });
    return { values: values as Values, positionals };
  } catch (error) {
    throw new UsageError(`${verb}: ${explain(messageOf(error), Object.keys(options))}`);
  }
}

function toNode({ type, short, multiple, default: fallback }: Option) {
  return {
    type,
    ...(short !== undefined ? { short } : {}),
    ...(multiple !== undefined ? { multiple } : {}),
    ...(fallback !== undefined ? { default: multiple ? ([fallback] as string[]) : fallback } : {}),
  };
}

/** Node's message, with a way out of an unknown option or a value like an option. */
function explain(message: string, names: readonly string[]): string {
  const unknown = /^Unknown option '--?([^']+)'/.exec(message)?.[1];
  const dashed = /^Option '--([\w-]+)' argument is ambiguous/.exec(message)?.[1];
  if (dashed !== undefined) {
    return `--${dashed} is followed by another option; a value that begins with a dash is written --${dashed}=-1`;
  }
  if (unknown === undefined) return message.split("\n")[0] ?? message;
  const similar = closest(unknown, names);
  return `unknown option --${unknown}${similar ? `; did you mean --${similar}?` : ""}`;
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
