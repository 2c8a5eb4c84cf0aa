/** docs/errors.md: every error code with its status, its meaning and what helps. */
import { problemOf, problemTitle } from "../../../src/http/answers/problem.ts";
import { findErrorCodes, statusesOf } from "./error-codes.ts";
import type { FoundCode, Use } from "./error-codes.ts";
import { MEANINGS } from "./error-meanings.ts";

/** Whether a running Worker can answer with the errors of a file; it has no GPU. */
const isServed = ({ path }: Use): boolean =>
  /^src\/(core|engine|serve|http)\//.test(path) && !path.startsWith("src/engine/ort/webgpu/");

/** Codes of failures outside the error family: a fault of the program, and a client that left. */
const OTHER_FAILURES = [new Error(), new DOMException("", "AbortError")].map((error) =>
  problemOf(error, "", ""),
);

/** A list for each status: the codes that a Worker answers with. */
export function servedErrors(): string {
  const byStatus = new Map<number, string[]>();
  const add = (status: number, code: string): void => {
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  };
  for (const { code, uses } of findErrorCodes().codes) {
    for (const status of statusesOf(code, uses.filter(isServed))) add(status, code);
  }
  for (const { code, status } of OTHER_FAILURES) add(status, code);
  return [...byStatus]
    .toSorted(([a], [b]) => a - b)
    .map(([status, codes]) => {
      const title = problemTitle(status);
      if (title === "") throw new Error(`problem.ts: has no title for the status ${status}`);
      return `### ${status}: ${title}\n\n${codes.map(lineOf).join("\n")}`;
    })
    .join("\n\n");
}

/** A list of the codes that the command line alone prints. */
export function printedErrors(): string {
  const isPrinted = ({ uses }: FoundCode): boolean => !uses.some(isServed);
  return findErrorCodes()
    .codes.filter(isPrinted)
    .map(({ code }) => lineOf(code))
    .join("\n");
}

/** Every code that docs/errors.md must explain. */
export const allCodes = (): string[] =>
  [...findErrorCodes().codes, ...OTHER_FAILURES].map(({ code }) => code);

function lineOf(code: string): string {
  const found = MEANINGS.get(code);
  if (!found) throw new Error(`error-meanings.ts: has no line for "${code}"`);
  return `- **\`${code}\`**: ${found.meaning} _${found.help}_`;
}
