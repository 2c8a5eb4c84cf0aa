/** A request that breaks a schema, told place by place in words of the interface. */
import * as v from "valibot";
import { InputError } from "../core/errors.ts";

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

const MAX_ISSUES = 10;

type Issue = v.BaseIssue<unknown>;

/** A value as its schema reads it; throws RequestError `request-invalid` or `parameter-invalid`. */
export function parseRequest<const S extends v.GenericSchema>(
  schema: S,
  body: unknown,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, body);
  if (parsed.success) return parsed.output;
  throw new RequestError(parsed.issues.flatMap((issue) => placesOf(issue)));
}

/** An issue as places; of a union's many complaints, those about the branch that was meant. */
function placesOf(issue: Issue, parents: readonly string[] = []): RequestIssue[] {
  const keys = [...parents, ...(issue.path ?? []).map((item) => String(item.key).slice(0, 80))];
  const meant = issue.issues?.filter((inner) => isMeant(issue.input, inner)) ?? [];
  // A nested issue's own path begins where the union stands.
  if (meant.length > 0) return meant.flatMap((inner) => placesOf(inner, keys));
  const path = keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  const at = keys.indexOf("parameters");
  const isParameter = at !== -1 && at < keys.length - 1;
  const code = isParameter ? "parameter-invalid" : "request-invalid";
  return [{ path, code, detail: describe(issue) }];
}

/** Whether a branch's issue lies inside of the value and so was made by a branch of the value's kind. */
function isMeant(input: unknown, { path }: Issue): boolean {
  const kind = path?.[0].type;
  if (kind === undefined) return false;
  return Array.isArray(input) ? kind === "array" : kind === "object";
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
  const given = issue.received.slice(0, 80);
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
