/** Renders help from the data of a verb, so that no option can be missing from it. */
import type { Command, Option, Options, Verbs } from "./command.ts";

/** `npx edge-prefix --help`: every verb with its one-line summary. */
export const generalHelp = (verbs: Verbs, common: Options): string =>
  [
    "edge-prefix: many text tasks from one small base model; a task is a prefix",
    "",
    "Usage: npx edge-prefix <verb> [options]",
    "",
    "Verbs:",
    ...columns(Object.entries(verbs).map(([verb, { summary }]) => [verb, summary])),
    "",
    "Options of every verb:",
    ...columns(Object.entries(common).map(optionRow)),
    "",
    "npx edge-prefix help <verb> shows a verb's options, npx edge-prefix --version the version",
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted with its state saved",
  ].join("\n");

/** `npx edge-prefix <verb> --help`; `common` are the options of every verb. */
export const commandHelp = (verb: string, command: Command, common: Options): string =>
  [
    verbUsage(verb, command),
    "",
    "Options of every verb:",
    ...columns(Object.entries(common).map(optionRow)),
    "",
    ...exampleOf(command),
  ].join("\n");

/** The same without the options of every verb, for a page that lists them once. */
export const verbHelp = (verb: string, command: Command): string =>
  [verbUsage(verb, command), "", ...exampleOf(command)].join("\n");

function verbUsage(verb: string, command: Command): string {
  const own = Object.entries(command.options);
  return [
    command.summary,
    "",
    `Usage: npx edge-prefix ${verb}${command.usage === "" ? "" : ` ${command.usage}`}`,
    ...(own.length > 0 ? ["", "Options:", ...columns(own.map(optionRow))] : []),
  ].join("\n");
}

const exampleOf = ({ example }: Command): string[] => [
  "Example:",
  ...example.split("\n").map((line) => `  ${line}`),
];

function optionRow([name, option]: [string, Option]): [string, string] {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  const value = option.type === "string" ? ` ${option.value ?? "VALUE"}` : "";
  const notes = [
    ...(option.multiple === true ? ["may be repeated"] : []),
    ...(option.default !== undefined && option.default !== false
      ? [`default ${option.default}`]
      : []),
  ];
  const suffix = notes.length > 0 ? ` (${notes.join("; ")})` : "";
  return [`${short}--${name}${value}`, option.hint + suffix];
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
