/**
 * What requests and answers look like: the one source for validation here, for the command line's
 * flags and for the documentation. Names are those of Hugging Face's API and never renamed.
 *
 * Shapes only: how much is allowed is in doors/limits.ts, what a task makes of it in serve/predictor.ts.
 * Whatever reads a request is made of bounded.ts; the answers are only described.
 */
import * as v from "valibot";
import type { EmbedParameters, PredictParameters, TextInput } from "../../serve/predictor.ts";
import { fields, list, oneKindOf } from "./bounded.ts";
import { parseRequest } from "./request-error.ts";
import { classifyingFields, embeddingFields } from "./tei-schema.ts";

/** Labels that `ignore_labels` may name: more than any task of ours has. */
const MAX_IGNORED = 256;

const text = v.string();
const textObject = fields({ text, text_pair: v.nullish(text) });
/** Two texts, or as TEI has it in lists, one. */
const textPair = v.strictTuple([text, v.optional(text)], (issue) =>
  issue.expected === "never" ? "is one too many, expected a pair of two texts" : issue.message,
);

const count = (min: number) =>
  v.pipe(
    v.number(),
    v.safeInteger(({ received }) => `is ${received}, expected a whole number`),
    v.minValue(min),
  );

/** A schema and what it says of itself in the document. */
const described = <const T extends v.GenericSchema>(schema: T, description: string) =>
  v.pipe(schema, v.description(description));

/** A field that may be left out or null, and what it says. */
const optional = <const T extends v.GenericSchema>(schema: T, description: string) =>
  described(v.nullish(schema), description);

/** Every parameter is optional; null means the same as leaving it out. */
export const parametersSchema = fields({
  top_k: optional(count(1), "Only so many labels, best first; all by default."),
  min_score: optional(
    v.number(),
    "Leave out labels and entities that score lower, possibly all of them.",
  ),
  function_to_apply: optional(
    v.picklist(["softmax", "sigmoid", "none"]),
    "From logits to scores; what the task was trained with by default.",
  ),
  aggregation_strategy: optional(
    v.picklist(["none", "simple", "first", "average", "max"]),
    "How the tags of word pieces become entities; simple by default. Where a task chooses the tags of a text together, all but none answer alike.",
  ),
  ignore_labels: optional(
    v.pipe(list(v.string(), MAX_IGNORED), v.maxLength(MAX_IGNORED)),
    "Tags that are no entity; O by default.",
  ),
  stride: optional(count(0), "Tokens that the windows of a long text share."),
  max_length: optional(count(1), "Tokens of a window; the task's own by default, never more."),
  truncation: optional(
    v.boolean(),
    "Cut a text that is longer than a window; false by default: all of it is read.",
  ),
  offset_unit: optional(
    v.picklist(["codepoint", "utf16"]),
    "What start and end count: characters as Python does, or UTF-16 units as JavaScript does.",
  ),
  version: optional(
    v.pipe(v.string(), v.regex(/^[0-9a-f]{12}$/, "must be 12 hex digits")),
    "Another than the task's current version.",
  ),
});

const inputs = oneKindOf([text, textObject, list(oneKindOf([text, textObject, textPair]))]);

/**
 * The same where they are the request's own. What the metadata adds is for the document: doors/limits.ts
 * looks at it, with a status of its own, and in a stream for each text alone.
 */
const readable = v.pipe(v.string(), v.metadata({ pattern: "\\S" }));
const readableObject = fields({ text: readable, text_pair: v.nullish(readable) });
const own = oneKindOf([
  readable,
  readableObject,
  v.pipe(list(oneKindOf([readable, readableObject, textPair])), v.metadata({ minItems: 1 })),
]);

const INPUTS =
  'One text, {"text", "text_pair"}, or a list of texts, of such objects and of pairs ["a", "b"]; ["a"] is one text.';

/** Hugging Face's clients may send these; they have no meaning here. */
const IGNORED = "Accepted for Hugging Face's clients; has no meaning here.";
const ignored = {
  options: optional(v.unknown(), IGNORED),
  model: optional(v.unknown(), IGNORED),
};

const parameters = optional(parametersSchema, "How to answer; each of them may be left out.");

/** Body of POST /v1/tasks/{task}/predict. */
export const predictRequestSchema = fields({
  inputs: described(own, INPUTS),
  parameters,
  ...classifyingFields,
  ...ignored,
});

/** Body of POST /v1/predict: any mix of tasks, answered in common runs. */
export const predictManyRequestSchema = fields({
  items: v.pipe(
    list(fields({ task: v.string(), inputs, parameters })),
    v.metadata({ minItems: 1 }),
    v.description("What to ask of which task: a list of {task, inputs, parameters?}."),
  ),
});

/** How to embed: beside the inputs, as Hugging Face's servers have it, or below `parameters`. */
const embedParameters = {
  normalize: optional(v.boolean(), "Scale to length 1; true by default."),
  pooling: optional(
    v.picklist(["mean", "cls", "pooler"]),
    "How tokens become one vector; by default as the base's checkpoint says, or else mean.",
  ),
  ...embeddingFields,
};

/** Body of POST /v1/embed. */
export const embedRequestSchema = fields({
  inputs: described(
    oneKindOf([readable, v.pipe(list(readable), v.metadata({ minItems: 1 }))]),
    "One text or a list of texts.",
  ),
  ...embedParameters,
  parameters: optional(
    fields(embedParameters),
    "The same as beside the inputs, which count first.",
  ),
  ...ignored,
});

export const classificationSchema = v.strictObject({ label: v.string(), score: v.number() });

const place = { score: v.number(), word: v.string(), start: v.number(), end: v.number() };
export const entitySchema = v.union([
  v.strictObject({ entity_group: v.string(), ...place }),
  v.strictObject({ entity: v.string(), index: v.number(), ...place }),
]);

/** The answer to one input. */
export const answerSchema = v.union([v.array(classificationSchema), v.array(entitySchema)]);

/** Answer of POST /v1/tasks/{task}/predict: of one input, or of each of a list. */
export const predictAnswerSchema = v.union([answerSchema, v.array(answerSchema)]);

export const problemSchema = v.strictObject({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  instance: v.string(),
  code: v.string(),
  request_id: v.string(),
  error: described(
    v.optional(
      v.union([
        v.string(),
        v.strictObject({
          message: v.string(),
          type: v.string(),
          param: v.nullable(v.string()),
          code: v.string(),
        }),
      ]),
    ),
    "The same for other servers' clients: a text, or an object on OpenAI's routes.",
  ),
  errors: v.optional(
    v.array(v.strictObject({ path: v.string(), code: v.string(), detail: v.string() })),
  ),
});

/** Lines that every stream may have besides its results. */
const otherLines = [
  // Without an index, the stream as a whole has failed.
  v.strictObject({ index: v.optional(v.number()), error: problemSchema }),
  v.strictObject({ done: v.boolean(), count: v.number(), failed: v.optional(v.number()) }),
] as const;

/** A line of an NDJSON answer, the data of a server-sent event. */
export const lineSchema = v.union([
  v.strictObject({ index: v.number(), result: answerSchema }),
  ...otherLines,
]);

/** Data of a `progress` event: windows of the text at `index` that have been read. */
export const progressSchema = v.strictObject({
  index: v.number(),
  progress: v.strictObject({ done: v.number(), total: v.number() }),
});

const manyResult = {
  task: v.string(),
  version: v.string(),
  // Exactly what the task's own route answers for these inputs.
  result: predictAnswerSchema,
  /** Inputs of the item that were cut. */
  truncated: v.optional(v.number()),
  is_stale: v.optional(v.literal(true)),
  stale_code: v.optional(v.string()),
};
const manyError = { task: v.string(), error: problemSchema };

/** Answer of POST /v1/predict, an item for each item of the request. */
export const predictManyAnswerSchema = v.strictObject({
  results: v.array(v.union([v.strictObject(manyResult), v.strictObject(manyError)])),
});

/** A line of its NDJSON answer. */
export const manyLineSchema = v.union([
  v.strictObject({ index: v.number(), ...manyResult }),
  v.strictObject({ index: v.number(), ...manyError }),
  ...otherLines,
]);

/** Answer of POST /v1/embed: a vector [H] a text, for one text too. */
export const embedAnswerSchema = v.array(v.array(v.number()));

/** A line of its NDJSON answer. */
export const embedLineSchema = v.union([
  v.strictObject({ index: v.number(), result: v.array(v.number()) }),
  ...otherLines,
]);

/** One task as GET /v1/tasks describes it. */
export const taskSchema = v.strictObject({
  task: v.string(),
  description: v.optional(v.string()),
  type: v.picklist(["sequence", "token"]),
  problem_type: v.string(),
  labels: v.array(v.string()),
  other: v.pipe(
    v.optional(v.string()),
    v.description("The answer to texts that fit no label; absent where each text gets a label."),
  ),
  base: v.string(),
  version: v.string(),
  canary: v.optional(v.strictObject({ version: v.string(), percent: v.number() })),
  num_virtual_tokens: v.number(),
  pooling: v.string(),
  max_length: v.number(),
  metrics: v.record(v.string(), v.unknown()),
  created: v.string(),
  is_stale: v.optional(v.literal(true)),
  stale_code: v.optional(v.string()),
});

/** A text with the answer that was recorded when the task was trained. */
const exampleSchema = v.strictObject({
  text: v.string(),
  text_pair: v.optional(v.string()),
  label: v.string(),
  score: v.number(),
});

/** Answer of GET /v1/tasks/{task}: also what would be long in a list. */
export const taskDetailsSchema = v.strictObject({
  ...taskSchema.entries,
  thresholds: v.pipe(
    v.nullable(v.array(v.number())),
    v.description("What the score of each label must reach; null where labels are not chosen so."),
  ),
  examples: v.array(exampleSchema),
});

/** Answer of GET /v1/tasks; a task that cannot be opened is listed with the reason. */
export const taskListSchema = v.strictObject({
  tasks: v.array(
    v.union([
      taskSchema,
      v.strictObject({
        task: v.string(),
        error: v.strictObject({ code: v.string(), detail: v.string() }),
      }),
    ]),
  ),
  cursor: v.pipe(
    v.optional(v.string()),
    v.description("There when more may follow: ask again with ?cursor= this."),
  ),
});

/** Answer of GET /. */
export const indexSchema = v.strictObject({
  name: v.string(),
  base: v.string(),
  tasks: v.array(v.string()),
  routes: v.array(v.string()),
  try: v.string(),
});

/** Answer of GET /files/index.json. */
export const filesIndexSchema = v.strictObject({ base: v.string(), tasks: v.array(v.string()) });

export type TaskDescription = v.InferOutput<typeof taskSchema>;
export type TaskDetails = v.InferOutput<typeof taskDetailsSchema>;

/** A request whose shape is right. */
export interface PredictRequest {
  readonly inputs: readonly TextInput[];
  /** One text was sent, not a list: a token task answers with one list. */
  readonly isSingle: boolean;
  readonly parameters: PredictParameters;
  readonly version: string | undefined;
}

/** One item of a request for many tasks. */
export interface ManyItem extends PredictRequest {
  readonly task: string;
}

export interface EmbedRequest {
  readonly inputs: readonly string[];
  readonly isSingle: boolean;
  readonly parameters: EmbedParameters;
}

/** Reads a parsed body; throws RequestError `request-invalid` or `parameter-invalid`. */
export function readPredictRequest(body: unknown): PredictRequest {
  const { inputs, parameters, ...beside } = parseRequest(predictRequestSchema, body);
  const given = {
    ...(beside.raw_scores === true ? { function_to_apply: "none" as const } : {}),
    ...(beside.truncate === true ? { truncation: true } : {}),
    ...withoutNulls(parameters ?? {}),
  };
  return toPredictRequest({ inputs, parameters: given });
}

/** Reads a parsed body; throws RequestError `request-invalid` or `parameter-invalid`. */
export function readPredictManyRequest(body: unknown): ManyItem[] {
  const { items } = parseRequest(predictManyRequestSchema, body);
  return items.map((item) => ({ task: item.task, ...toPredictRequest(item) }));
}

/** Reads a parsed body; throws RequestError `request-invalid`. */
export function readEmbedRequest(body: unknown): EmbedRequest {
  const { inputs, parameters, ...beside } = parseRequest(embedRequestSchema, body);
  const { normalize, pooling, truncate } = {
    ...withoutNulls(parameters ?? {}),
    ...withoutNulls(beside),
  };
  return {
    inputs: Array.isArray(inputs) ? inputs : [inputs],
    isSingle: !Array.isArray(inputs),
    parameters: withoutNulls({ normalize, pooling, truncate }),
  };
}

function toPredictRequest({
  inputs,
  parameters: given,
}: Pick<v.InferOutput<typeof predictRequestSchema>, "inputs" | "parameters">): PredictRequest {
  const { version, ...parameters } = withoutNulls(given ?? {});
  return {
    inputs: Array.isArray(inputs) ? inputs.map(textInput) : [textInput(inputs)],
    isSingle: !Array.isArray(inputs),
    parameters,
    version,
  };
}

type InputItem = string | [string, string | undefined] | v.InferOutput<typeof textObject>;

function textInput(item: InputItem): TextInput {
  if (typeof item === "string") return { text: item };
  const { text, text_pair: pair } = Array.isArray(item)
    ? { text: item[0], text_pair: item[1] }
    : item;
  return typeof pair === "string" ? { text, text_pair: pair } : { text };
}

type WithoutNulls<T> = { [K in keyof T]: Exclude<T[K], null> };

function withoutNulls<T extends object>(value: T): WithoutNulls<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, item]) => item !== null && item !== undefined),
  ) as WithoutNulls<T>;
}
