/**
 * What Hugging Face's Text Embeddings Inference (TEI) has beside the inputs of a request, and its GET
 * /info. Its clients then work with a base or a task of ours as the one model of their server.
 */
import * as v from "valibot";

/** Refuses a text unless it is one of few, and says why there is no other. */
const onlyText = (pattern: RegExp, reason: string) => v.pipe(v.string(), v.regex(pattern, reason));

const optional = <const T extends v.GenericSchema>(schema: T, description: string) =>
  v.pipe(v.nullish(schema), v.description(description));

export const truncationFields = {
  truncate: optional(
    v.boolean(),
    "Cut a text that is longer than a window; false by default: all of it is read.",
  ),
  truncation_direction: optional(
    onlyText(/^[Rr]ight$/, 'must be "right": a long text can only be cut at its end'),
    "Where a long text is cut: right, at its end; there is no other way.",
  ),
};

/** How to embed, besides what is ours alone. */
export const embeddingFields = {
  ...truncationFields,
  prompt_name: optional(
    onlyText(/^$/, "must be left out: the base has no prompts"),
    "Accepted when it is empty: the base has no prompts.",
  ),
};

/** How to classify. */
export const classifyingFields = {
  ...truncationFields,
  raw_scores: optional(v.boolean(), "The same as function_to_apply none; false by default."),
};

/** Answer of GET /v1/info and GET /v1/tasks/{task}/info. */
export const infoSchema = v.strictObject({
  model_id: v.string(),
  model_sha: v.string(),
  model_dtype: v.string(),
  model_type: v.union([
    v.strictObject({ embedding: v.strictObject({ pooling: v.string() }) }),
    v.strictObject({
      classifier: v.strictObject({
        id2label: v.record(v.string(), v.string()),
        label2id: v.record(v.string(), v.number()),
      }),
    }),
  ]),
  max_concurrent_requests: v.number(),
  max_input_length: v.number(),
  max_batch_tokens: v.number(),
  max_client_batch_size: v.number(),
  auto_truncate: v.literal(false),
  tokenization_workers: v.literal(1),
  version: v.string(),
});

export type Info = v.InferOutput<typeof infoSchema>;
