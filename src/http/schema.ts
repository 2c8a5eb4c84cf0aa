/**
 * What requests and answers look like: the one source for validation here, for the command line's
 * flags and for the documentation. Names are those of Hugging Face's API and never renamed.
 *
 * Shapes only: how much is allowed is in limits.ts, what a task makes of it in serve/predictor.ts.
 */
import * as v from "valibot";
import { InputError } from "../core/errors.ts";
import type { PredictParameters, TextInput } from "../serve/predictor.ts";

/** An object with these fields and no others; whoever sends another is told which there are. */
const strict = <const T extends v.ObjectEntries>(entries: T) =>
  v.strictObject(entries, (issue) =>
    issue.expected === "never"
      ? `is not known here, allowed are ${Object.keys(entries).join(", ")}`
      : issue.message,
  );

const text = v.string();
const textObject = strict({ text, text_pair: v.nullish(text) });
const textPair = v.strictTuple([text, text], (issue) =>
  issue.expected === "never" ? "is one too many, expected a pair of two texts" : issue.message,
);

const count = (min: number) =>
  v.pipe(
    v.number(),
    v.safeInteger(({ received }) => `is ${received}, expected a whole number`),
    v.minValue(min),
  );

/** Every parameter is optional; null means the same as leaving it out. */
export const parametersSchema = strict({
  top_k: v.nullish(count(1)),
  function_to_apply: v.nullish(v.picklist(["softmax", "sigmoid", "none"])),
  aggregation_strategy: v.nullish(v.picklist(["none", "simple", "first", "average", "max"])),
  ignore_labels: v.nullish(v.array(v.string())),
  stride: v.nullish(count(0)),
  max_length: v.nullish(count(1)),
  truncation: v.nullish(v.boolean()),
  offset_unit: v.nullish(v.picklist(["codepoint", "utf16"])),
  version: v.nullish(v.pipe(v.string(), v.regex(/^[0-9a-f]{12}$/, "must be 12 hex digits"))),
});

/** Body of POST /v1/tasks/{task}/predict. */
export const predictRequestSchema = strict({
  inputs: v.union([text, textObject, v.array(v.union([text, textObject, textPair]))]),
  parameters: v.nullish(parametersSchema),
  // Hugging Face's clients may send these; they have no meaning here.
  options: v.optional(v.unknown()),
  model: v.optional(v.unknown()),
});

export const classificationSchema = v.strictObject({ label: v.string(), score: v.number() });

const place = { score: v.number(), word: v.string(), start: v.number(), end: v.number() };
export const entitySchema = v.union([
  v.strictObject({ entity_group: v.string(), ...place }),
  v.strictObject({ entity: v.string(), index: v.number(), ...place }),
]);

/** The answer to one input. */
export const answerSchema = v.union([v.array(classificationSchema), v.array(entitySchema)]);

export const problemSchema = v.strictObject({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  instance: v.string(),
  code: v.string(),
  request_id: v.string(),
  errors: v.optional(
    v.array(v.strictObject({ path: v.string(), code: v.string(), detail: v.string() })),
  ),
});

/** A line of an NDJSON answer. */
export const lineSchema = v.union([
  v.strictObject({ index: v.number(), result: answerSchema }),
  // Without an index, the stream as a whole has failed.
  v.strictObject({ index: v.optional(v.number()), error: problemSchema }),
  v.strictObject({ done: v.boolean(), count: v.number(), failed: v.optional(v.number()) }),
]);

/** One task as GET /v1/tasks describes it. */
export const taskSchema = v.strictObject({
  task: v.string(),
  type: v.picklist(["sequence", "token"]),
  problem_type: v.string(),
  labels: v.array(v.string()),
  base: v.string(),
  version: v.string(),
  num_virtual_tokens: v.number(),
  pooling: v.string(),
  max_length: v.number(),
  metrics: v.record(v.string(), v.unknown()),
  created: v.string(),
  is_stale: v.optional(v.literal(true)),
});

export type TaskDescription = v.InferOutput<typeof taskSchema>;

/** A request whose shape is right. */
export interface PredictRequest {
  readonly inputs: readonly TextInput[];
  /** One text was sent, not a list: a token task answers with one list. */
  readonly isSingle: boolean;
  readonly parameters: PredictParameters;
  readonly version: string | undefined;
}

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

/** Reads a parsed body; throws RequestError `request-invalid` or `parameter-invalid`. */
export function readPredictRequest(body: unknown): PredictRequest {
  if (hasListOfParameters(body)) {
    const detail = "is a list, expected an object";
    throw new RequestError([{ path: "/parameters", code: "request-invalid", detail }]);
  }
  const parsed = v.safeParse(predictRequestSchema, body);
  if (!parsed.success) throw new RequestError(parsed.issues.flatMap((issue) => placesOf(issue)));
  const { inputs } = parsed.output;
  const { version, ...parameters } = withoutNulls(parsed.output.parameters ?? {});
  return {
    inputs: Array.isArray(inputs) ? inputs.map(textInput) : [textInput(inputs)],
    isSingle: !Array.isArray(inputs),
    parameters,
    version,
  };
}

/** To the schema library an empty list is an object without fields. */
const hasListOfParameters = (body: unknown): boolean =>
  typeof body === "object" &&
  body !== null &&
  "parameters" in body &&
  Array.isArray(body.parameters);

type InputItem = string | [string, string] | v.InferOutput<typeof textObject>;

function textInput(item: InputItem): TextInput {
  if (typeof item === "string") return { text: item };
  if (Array.isArray(item)) return { text: item[0], text_pair: item[1] };
  const { text, text_pair: pair } = item;
  return typeof pair === "string" ? { text, text_pair: pair } : { text };
}

type WithoutNulls<T> = { [K in keyof T]: Exclude<T[K], null> };

function withoutNulls<T extends object>(value: T): WithoutNulls<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, item]) => item !== null && item !== undefined),
  ) as WithoutNulls<T>;
}

type Issue = v.BaseIssue<unknown>;

/** An issue as places; of a union's many complaints, those about the branch that was meant. */
function placesOf(issue: Issue, parents: readonly string[] = []): RequestIssue[] {
  const keys = [...parents, ...(issue.path ?? []).map((item) => String(item.key).slice(0, 80))];
  const meant = issue.issues?.filter((inner) => isMeant(issue.input, inner)) ?? [];
  // A nested issue's own path begins where the union stands.
  if (meant.length > 0) return meant.flatMap((inner) => placesOf(inner, keys));
  const path = keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  const isParameter = keys[0] === "parameters" && keys.length > 1;
  const code = isParameter ? "parameter-invalid" : "request-invalid";
  return [{ path, code, detail: describe(issue) }];
}

/** Whether a branch's issue lies inside of the value and so was made by a branch of the value's kind. */
function isMeant(input: unknown, { path }: Issue): boolean {
  const kind = path?.[0].type;
  if (kind === undefined) return false;
  return Array.isArray(input) ? kind === "array" : kind === "object";
}

function describe(issue: Issue): string {
  const received = issue.received.slice(0, 80);
  if (issue.expected === "never") return issue.message;
  if (issue.kind === "validation" && issue.type === "regex") {
    return `${issue.message}, is ${received}`;
  }
  if (issue.expected === null) return issue.message;
  // Of a missing field, some schemas expect only its name.
  if (received === "undefined" && issue.expected.startsWith('"')) return "is missing";
  return `is ${received === "undefined" ? "missing" : received}, expected ${issue.expected}`;
}
