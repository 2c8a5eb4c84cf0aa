/**
 * Finds every error code in the source: where an error of the family in src/core/errors.ts is made,
 * and where a code is passed to the readers that make one. Lines are matched, not parsed, so a code
 * has to stand as a string, or as a constant of this or of an imported file, where it is used.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import {
  FormatError,
  InputError,
  LimitError,
  MismatchError,
  NotFoundError,
  OverloadedError,
  UnavailableError,
} from "../../../src/core/errors.ts";
import { problemOf } from "../../../src/http/answers/problem.ts";
import { PACKAGE } from "../../node/project.ts";

const CLASSES = {
  FormatError,
  InputError,
  LimitError,
  MismatchError,
  NotFoundError,
  OverloadedError,
  UnavailableError,
};
export type ErrorClass = keyof typeof CLASSES;

/** Where a code is used, and which class of error carries it there. */
export interface Use {
  readonly path: string;
  readonly of: ErrorClass;
}

export interface FoundCode {
  readonly code: string;
  readonly uses: readonly Use[];
}

export interface Findings {
  readonly codes: readonly FoundCode[];
  /** Errors whose code is neither a string nor a constant of its file, as `file: argument`. */
  readonly unresolved: readonly string[];
}

/** Functions whose last argument is the code of the errors that they throw. */
const CODE_IS_LAST: Readonly<Record<string, ErrorClass>> = {
  readRecord: "FormatError",
  readFileOf: "NotFoundError",
};
/** Functions whose last argument is the first part of the code of the InputError that they throw. */
const KIND_IS_LAST: Readonly<Record<string, string>> = { readBytes: "-unreadable" };
const CODE = /^"([a-z]+(?:-[a-z0-9]+)+|overloaded|internal)"$/;
const NAMES = Object.keys(CLASSES);

/** Every code below src and scripts. */
export function findErrorCodes(): Findings {
  const files = ["src", "scripts"].flatMap((folder) =>
    readdirSync(join(PACKAGE, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => `${folder}/${path.replaceAll("\\", "/")}`),
  );
  return codesOf(new Map(files.map((path) => [path, readFileSync(join(PACKAGE, path), "utf8")])));
}

/** Every code of source files by their path. */
export function codesOf(files: ReadonlyMap<string, string>): Findings {
  const found = new Map<string, Use[]>();
  const unresolved: string[] = [];
  const add = (code: string, of: ErrorClass, path: string): void => {
    found.set(code, [...(found.get(code) ?? []), { path, of }]);
  };
  for (const [path, source] of files) {
    const text = `${withoutComments(source)}\n${importedConstants(path, source, files)}`;
    for (const [, name = "", at] of callsOf(text, `new (${NAMES.join("|")})`)) {
      const codes = codesIn(argumentsAt(text, at)[0] ?? "", text);
      if (codes.length === 0) unresolved.push(`${path}: ${argumentsAt(text, at)[0] ?? ""}`);
      for (const code of codes) add(code, name as ErrorClass, path);
    }
    for (const [name, of] of Object.entries(CODE_IS_LAST)) {
      for (const [, , at] of callsOf(text, `(?<!function )\\b(${name})`)) {
        for (const code of codesIn(argumentsAt(text, at).at(-1) ?? "", text)) add(code, of, path);
      }
    }
    for (const [name, end] of Object.entries(KIND_IS_LAST)) {
      for (const [, , at] of callsOf(text, `(?<!function )\\b(${name})`)) {
        const [, kind] = /^"([a-z]+)"$/.exec(argumentsAt(text, at).at(-1) ?? "") ?? [];
        if (kind !== undefined) add(`${kind}${end}`, "InputError", path);
      }
    }
    // Issues of a request become an InputError with the code of the first.
    for (const [, expression = ""] of text.matchAll(/\bcode(?:: | = )([^;,\n]+)/g)) {
      for (const code of codesIn(expression, text)) add(code, "InputError", path);
    }
  }
  const codes = [...found].map(([code, uses]) => ({ code, uses }));
  return {
    codes: codes.toSorted((a, b) => (a.code < b.code ? -1 : 1)),
    unresolved: unresolved.toSorted(),
  };
}

/** HTTP statuses with which a code is answered, by the classes that carry it in `uses`. */
export function statusesOf(code: string, uses: readonly Use[]): number[] {
  const statuses = uses.map(({ of }) => problemOf(new CLASSES[of](code, ""), "", "").status);
  return [...new Set(statuses)].toSorted((a, b) => a - b);
}

/** Calls of a function: match, name, and the index after the opening parenthesis. */
function callsOf(text: string, name: string): [string, string, number][] {
  return [...text.matchAll(new RegExp(`${name}\\(`, "g"))].map((match) => [
    match[0],
    match[1] ?? "",
    match.index + match[0].length,
  ]);
}

/** Declarations of the string constants that a file imports from other files of the project. */
function importedConstants(
  path: string,
  source: string,
  files: ReadonlyMap<string, string>,
): string {
  return [...source.matchAll(/^import \{([^}]*)\} from "(\.[^"]+)";/gm)]
    .flatMap(([, names = "", from = ""]) => {
      const other = files.get(normalize(join(dirname(path), from)).replaceAll("\\", "/")) ?? "";
      return (names.match(/\b[A-Z][A-Z_]*\b/g) ?? []).map(
        (name) => new RegExp(`const ${name} = "[^"]*";`).exec(other)?.[0] ?? "",
      );
    })
    .join("\n");
}

/** The codes of an argument: strings in it, or the constants of the file that it names. */
function codesIn(argument: string, text: string): string[] {
  const strings = argument.match(/"[^"]*"/g) ?? [];
  const constants = (argument.match(/\b[A-Z][A-Z_]*\b/g) ?? []).flatMap((name) => {
    const value = new RegExp(`const ${name} = ("[^"]*");`).exec(text)?.[1];
    return value === undefined ? [] : [value];
  });
  return [...strings, ...constants, ...byKind(argument, text)].flatMap(
    (item) => CODE.exec(item)?.[1] ?? [],
  );
}

/** Codes written as a template, `${kind}-end`: one for each value of `kind` in the file. */
function byKind(argument: string, text: string): string[] {
  const [, end] = /^`\$\{(?:\w+\.)?kind\}(-[a-z-]+)`$/.exec(argument) ?? [];
  if (end === undefined) return [];
  const kinds = [...text.matchAll(/\bkind\??(?:: | = )((?:"[a-z]+"(?: \| )?)+)/g)].flatMap(
    ([, values = ""]) => values.split(" | "),
  );
  return [...new Set(kinds)].map((kind) => `${kind.slice(0, -1)}${end}"`);
}

/** The arguments of a call as source text; `at` is the index after its opening parenthesis. */
function argumentsAt(text: string, at: number): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = at;
  for (let i = at; i < text.length; i++) {
    const character = text[i]!;
    if (`"'\``.includes(character)) i = endOfString(text, i);
    else if ("([{".includes(character)) depth++;
    else if (")]}".includes(character) && depth-- === 0) {
      return [...found, text.slice(start, i)].map((item) => item.trim()).filter(Boolean);
    } else if (character === "," && depth === 0) {
      found.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return found;
}

/** Index of the quote that closes the string which opens at `at`; templates may nest. */
function endOfString(text: string, at: number): number {
  const quote = text[at]!;
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote) return i;
    else if (quote === "`" && text.startsWith("${", i)) {
      let depth = 0;
      for (i++; i < text.length; i++) {
        if (`"'\``.includes(text[i]!)) i = endOfString(text, i);
        else if (text[i] === "{") depth++;
        else if (text[i] === "}" && --depth === 0) break;
      }
    }
  }
  return text.length;
}

/** Comments become spaces; a `//` inside a string that is an address stays. */
const withoutComments = (text: string): string =>
  text.replace(/\/\*[^]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
