/**
 * What the routes look like that answer from the base's own vectors: OpenAI's embeddings and models,
 * Hugging Face's sentence similarity and zero-shot classification. Shapes only, as in schema.ts.
 */
import * as v from "valibot";
import { fields, list, oneKindOf } from "./bounded.ts";
import { RequestError, parseRequest } from "./request-error.ts";
import { classificationSchema } from "./schema.ts";
import { embeddingFields } from "./tei-schema.ts";

/** Labels of one request; each that is new costs a run. */
export const MAX_LABELS = 256;
/** Longer hypotheses are texts of their own. */
const MAX_TEMPLATE = 1_000;

const described = <const T extends v.GenericSchema>(schema: T, description: string) =>
  v.pipe(schema, v.description(description));
const optional = <const T extends v.GenericSchema>(schema: T, description: string) =>
  described(v.nullish(schema), description);
/** What the metadata adds is for the document: doors/limits.ts looks at texts, with statuses of its own. */
const readable = v.pipe(v.string(), v.metadata({ pattern: "\\S" }));
const some = <const T extends v.GenericSchema>(schema: T) =>
  v.pipe(schema, v.metadata({ minItems: 1 }));
const texts = oneKindOf([readable, some(list(readable))]);

/** Hugging Face's and OpenAI's clients may send these; they have no meaning here. */
const IGNORED = "Accepted for other servers' clients; has no meaning here.";
const ignored = {
  options: optional(v.unknown(), IGNORED),
  model: optional(v.unknown(), IGNORED),
};

/** Token ids are those of another model's tokenizer, whatever they are. */
const TOKEN_IDS =
  "is a list of token ids, which are another tokenizer's; send the text itself (LangChain: checkEmbeddingCtxLength false)";

/** Body of POST /v1/embeddings. */
export const embeddingsRequestSchema = fields({
  input: described(texts, "One text or a list of texts; no token ids."),
  model: described(v.string(), "Name of the base, as GET /v1/models has it."),
  encoding_format: optional(
    v.picklist(["float", "base64"]),
    "Numbers, or the bytes of float32 numbers, little-endian, in base64; float by default.",
  ),
  dimensions: optional(
    v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    "The length of the base's vectors; it was not trained to be cut to fewer.",
  ),
  user: optional(v.string(), IGNORED),
});

export const embeddingsAnswerSchema = v.strictObject({
  object: v.literal("list"),
  data: v.array(
    v.strictObject({
      object: v.literal("embedding"),
      index: v.number(),
      embedding: v.union([v.array(v.number()), v.string()]),
    }),
  ),
  model: v.string(),
  usage: v.strictObject({ prompt_tokens: v.number(), total_tokens: v.number() }),
});

export const modelSchema = v.strictObject({
  id: v.string(),
  object: v.literal("model"),
  created: v.number(),
  owned_by: v.string(),
});

export const modelListSchema = v.strictObject({
  object: v.literal("list"),
  data: v.array(modelSchema),
  has_more: v.boolean(),
});

/** Body of POST /v1/similarity. */
export const similarityRequestSchema = fields({
  inputs: described(
    fields({ source_sentence: readable, sentences: some(list(readable)) }),
    "One text and those that it is compared with.",
  ),
  parameters: optional(fields(embeddingFields), "How to read texts; each may be left out."),
  ...ignored,
});

/** Answer of POST /v1/similarity: the cosine of each sentence and the source. */
export const similarityAnswerSchema = v.array(v.number());

const label = v.pipe(v.string(), v.metadata({ pattern: "\\S" }));

/** Body of POST /v1/zero-shot. */
export const zeroShotRequestSchema = fields({
  inputs: described(texts, "One text or a list of texts."),
  parameters: described(
    fields({
      candidate_labels: described(
        some(list(label, MAX_LABELS)),
        `The labels to choose from, ${MAX_LABELS} at most.`,
      ),
      multi_label: optional(
        v.boolean(),
        "Judge each label for itself: scores no longer add up to 1; false by default.",
      ),
      hypothesis_template: optional(
        v.pipe(
          v.string(),
          v.maxLength(MAX_TEMPLATE, `is longer than ${MAX_TEMPLATE} characters`),
          v.regex(/\{\}/, 'has no place for a label, write "{}" where it belongs'),
        ),
        "The sentence that a label becomes, with {} in its place.",
      ),
    }),
    "The labels, and how to judge them.",
  ),
  ...ignored,
});

/** Answer of POST /v1/zero-shot: the labels of one text, or of each of a list, best first. */
export const zeroShotAnswerSchema = v.union([
  v.array(classificationSchema),
  v.array(v.array(classificationSchema)),
]);

export type EmbeddingsAnswer = v.InferOutput<typeof embeddingsAnswerSchema>;
export type Model = v.InferOutput<typeof modelSchema>;

/** One text, or several. */
export interface Texts {
  readonly texts: readonly string[];
  readonly isSingle: boolean;
}

export interface EmbeddingsRequest extends Texts {
  readonly model: string;
  readonly format: "float" | "base64";
  readonly dimensions: number | undefined;
}

export interface SimilarityRequest {
  readonly source: string;
  readonly sentences: readonly string[];
  readonly truncate: boolean;
}

export interface ZeroShotRequest extends Texts {
  readonly labels: readonly string[];
  readonly isMultiLabel: boolean;
  readonly template: string | undefined;
}

const textsOf = (given: string | string[]): Texts => ({
  texts: Array.isArray(given) ? given : [given],
  isSingle: !Array.isArray(given),
});

/** Reads a parsed body; throws RequestError `request-invalid` or `token-ids-refused`. */
export function readEmbeddingsRequest(body: unknown): EmbeddingsRequest {
  if (hasTokenIds(body)) {
    throw new RequestError([{ path: "/input", code: "token-ids-refused", detail: TOKEN_IDS }]);
  }
  const {
    input,
    model,
    encoding_format: format,
    dimensions,
  } = parseRequest(embeddingsRequestSchema, body);
  return {
    ...textsOf(input),
    model,
    format: format ?? "float",
    dimensions: dimensions ?? undefined,
  };
}

/** Whether the input begins like a list of numbers, or a list of such lists. */
function hasTokenIds(body: unknown): boolean {
  const input: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "input") : 0;
  const first: unknown = Array.isArray(input) ? input[0] : undefined;
  const inner: unknown = Array.isArray(first) ? first[0] : first;
  return typeof inner === "number";
}

/** Reads a parsed body; throws RequestError `request-invalid`. */
export function readSimilarityRequest(body: unknown): SimilarityRequest {
  const { inputs, parameters } = parseRequest(similarityRequestSchema, body);
  const { source_sentence: source, sentences } = inputs;
  return { source, sentences, truncate: parameters?.truncate ?? false };
}

/** Reads a parsed body; throws RequestError `request-invalid` or `parameter-invalid`. */
export function readZeroShotRequest(body: unknown): ZeroShotRequest {
  const { inputs, parameters } = parseRequest(zeroShotRequestSchema, body);
  return {
    ...textsOf(inputs),
    labels: parameters.candidate_labels,
    isMultiLabel: parameters.multi_label ?? false,
    template: parameters.hypothesis_template ?? undefined,
  };
}
