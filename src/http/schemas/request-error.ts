/** A request that breaks a schema, told place by place in words of the interface. */
import * as v from "valibot";
import { InputError } from "../../core/errors.ts";
import { MAX_ISSUES } from "./bounded.ts";

/** What is wrong at one place of a request; `path` is a JSON pointer. */
export interface RequestIssue {
  readonly path: string;
  readonly code: string;
  readonly detail: string;
}

/** A request that breaks the schema, with every place (up to ten) at which it does. */
export class RequestError extends InputError {
  readonly issues: readonly RequestIssue[];

  constructor(issues: readonly RequestIssue[]) {
    const [first] = issues;
    const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
    super(first?.code ?? "request-invalid", `${first?.path || "body"}: ${first?.detail}${more}`);
    this.issues = issues.slice(0, MAX_ISSUES);
  }
}

type Issue = v.BaseIssue<unknown>;

/** A value as its schema reads it; throws RequestError `request-invalid` or `parameter-invalid`. */
export function parseRequest<const S extends v.GenericSchema>(
  schema: S,
  body: unknown,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, body);
  if (parsed.success) return parsed.output;
  throw new RequestError(parsed.issues.map(placeOf));
}

function placeOf(issue: Issue): RequestIssue {
  const keys = (issue.path ?? []).map((item) => String(item.key).slice(0, 80));
  const path = keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  const at = keys.indexOf("parameters");
  const isParameter = at !== -1 && at < keys.length - 1;
  const code = isParameter ? "parameter-invalid" : "request-invalid";
  return { path, code, detail: describe(issue) };
}

/** What the schema library calls kinds of values, in JSON's words. */
const KINDS: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  boolean: "true or false",
  Object: "an object",
  Array: "a list",
};

/** `(string | Object)` -> `a string or an object`, `>=1` -> `at least 1`; literals stay as they are. */
function inWords(kinds: string): string {
  const words = kinds
    .replace(/^\((.*)\)$/, "$1")
    .split(" | ")
    .map((kind) => KINDS[kind] ?? kind.replace(/^>=/, "at least "));
  return [words.slice(0, -1).join(", "), words.at(-1)].filter((part) => part !== "").join(" or ");
}

function describe(issue: Issue): string {
  // Of a text itself: `received` is put together lazily, and cutting it would first copy megabytes.
  const given =
    typeof issue.input === "string"
      ? `"${issue.input.slice(0, 79)}"`.slice(0, 80)
      : issue.received.slice(0, 80);
  // Strings come in quotes; of objects and lists, the library names the kind alone.
  const received = given === "Object" || given === "Array" ? inWords(given) : given;
  if (issue.expected === "never") return issue.message;
  if (issue.kind === "validation" && issue.type === "regex") {
    return `${issue.message}, is ${received}`;
  }
  if (issue.expected === null) return issue.message;
  // Of a missing field, some schemas expect only its name.
  if (received === "undefined" && issue.expected.startsWith('"')) return "is missing";
  return `is ${received === "undefined" ? "missing" : received}, expected ${inWords(issue.expected)}`;
}
