/**
 * What a verb of the command line is: plain data plus one async function. `cli.ts` finds the verb,
 * parses its options with `util.parseArgs` and calls `run`; a verb never touches `process`.
 *
 * Convention: `scripts/commands/<verb>.ts` exports `command = defineCommand({...})` and imports heavy
 * modules (a runtime, wrangler) inside `run`, so that `--help` stays quick.
 */
import { InputError } from "../../src/core/errors.ts";

export interface Option {
  readonly type: "string" | "boolean";
  /** One letter: `-o`. */
  readonly short?: string;
  /** May be given several times; the value is then a list. */
  readonly multiple?: boolean;
  readonly default?: string | boolean;
  /** What stands for the value in the help, such as `DIR`. */
  readonly value?: string;
  /** One line of help. */
  readonly hint: string;
}

export type Options = Readonly<Record<string, Option>>;

type ScalarOf<O extends Option> = O["type"] extends "boolean" ? boolean : string;
type ValueOf<O extends Option> = O["multiple"] extends true ? ScalarOf<O>[] : ScalarOf<O>;

/** Option values by name: present when given or defaulted, lists where `multiple`. */
export type ValuesOf<O extends Options> = {
  readonly [K in keyof O]: O[K]["default"] extends string | boolean
    ? ValueOf<O[K]>
    : ValueOf<O[K]> | undefined;
};

/** The outside world of a verb. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Writes one line to standard output: results, and with `json` nothing but JSON. */
  out(line: string): void;
  /** Writes one line to standard error: notes, progress, warnings. */
  err(line: string): void;
  /** `--json` was given: one JSON document or JSON lines on standard output. */
  readonly json: boolean;
  /** Aborts on the first INT or TERM; a verb that saves its state then returns 130. */
  readonly signal: AbortSignal;
}

export interface Invocation<O extends Options = Options> {
  readonly values: ValuesOf<O>;
  readonly positionals: readonly string[];
  readonly io: Io;
}

export interface CommandOf<O extends Options> {
  /** One line, without a full stop, shown in the list of verbs. */
  readonly summary: string;
  /** What follows the verb: `TASK_DIR... [--local]`. */
  readonly usage: string;
  /** One or more full command lines that work as they stand. */
  readonly example: string;
  readonly options: O;
  /** A verb that is a family, such as `bench golden`: the command that the next word names, if any. */
  readonly choose?: (name: string) => Promise<Command | undefined>;
  /** Returns the exit code: 0 done, 1 failed or a check did not hold, 130 interrupted and saved. */
  run(invocation: Invocation<O>): Promise<number>;
}

/** A verb as the table sees it; option names are erased. */
export type Command = Omit<CommandOf<Options>, "run"> & {
  // `never` values: any verb's run fits here, and cli.ts hands over what it parsed by `options`.
  run(invocation: { values: never; positionals: readonly string[]; io: Io }): Promise<number>;
};

/** Types `values` in `run` by the options declared beside it. */
export const defineCommand = <const O extends Options>(command: CommandOf<O>): Command => command;

/** The command line itself is wrong: exit code 2 and a pointer to `--help`. */
export class UsageError extends InputError {
  constructor(message: string) {
    super("usage", message);
  }
}

/** Returns `value`, or throws UsageError naming the missing option or argument. */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new UsageError(`${name} is missing`);
  return value;
}

/** Parses a number option in [min, max]; undefined stays undefined. */
export function readNumber(
  value: string | undefined,
  name: string,
  { min = -Infinity, max = Infinity, integer = false } = {},
): number | undefined {
  if (value === undefined) return undefined;
  const number = value.trim() === "" ? NaN : Number(value);
  const fits = number >= min && number <= max && (!integer || Number.isSafeInteger(number));
  if (fits) return number;
  const kind = integer ? "an integer" : "a number";
  throw new UsageError(
    `${name} is ${JSON.stringify(value)}, expected ${kind}${rangeText(min, max)}`,
  );
}

/** Parses an integer option in [min, max]; undefined stays undefined. */
export const readInteger = (
  value: string | undefined,
  name: string,
  range: { min?: number; max?: number } = {},
): number | undefined => readNumber(value, name, { ...range, integer: true });

/** Parses an option that allows a few words only; undefined stays undefined. */
export function readChoice<const T extends string>(
  value: string | undefined,
  name: string,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((item) => item === value);
  if (found !== undefined) return found;
  throw new UsageError(`${name} is ${JSON.stringify(value)}, allowed are ${allowed.join(", ")}`);
}

function rangeText(min: number, max: number): string {
  if (min > -Infinity && max < Infinity) return ` from ${min} to ${max}`;
  if (min > -Infinity) return ` of at least ${min}`;
  return max < Infinity ? ` of at most ${max}` : "";
}

/** A verb as the general help needs it. */
export interface Verb {
  readonly summary: string;
  /** Imports the verb; only the one that is used is loaded. */
  load(): Promise<{ readonly command: Command }>;
}

/** Verbs by their names, in the order in which the help lists them. */
export type Verbs = Readonly<Record<string, Verb>>;
