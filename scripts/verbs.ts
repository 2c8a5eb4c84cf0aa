/** The command table: every verb of the command line in the order of work, loaded only when used. */
import { existsSync } from "node:fs";
import type { Command } from "./commands/command.ts";

type Load = () => Promise<{ readonly command: Command }>;

const NAMES = [
  "import",
  "shrink",
  "tokenize",
  "embed",
  "train",
  "eval",
  "predict",
  "import-peft",
  "push",
  "list",
  "rollback",
  "verify",
  "bench",
];

export const VERBS: Readonly<Record<string, Load>> = Object.fromEntries(
  NAMES.filter((verb) => existsSync(new URL(`./commands/${verb}.ts`, import.meta.url))).map(
    (verb): [string, Load] => [
      verb,
      () => import(`./commands/${verb}.ts`) as Promise<{ readonly command: Command }>,
    ],
  ),
);
