/**
 * What another Worker imports from this package; docs/mount.md is a whole example.
 *
 *     const { app, predictor } = createWorker(env);
 *     parent.route("/nlp", app);                              // every route of docs/http.md below /nlp
 *     for await (const answer of predictor.predict("sentiment", [text], {}, { ctx, signal })) ..
 *
 * Without a Worker around it, the tokenizer alone is `edge-prefix/tokenizer`.
 */
export { createWorker } from "./create-worker.ts";
export type {
  CallContext,
  Question,
  TextPredictor,
  TextWorker,
  VersionChoice,
} from "./create-worker.ts";
export type { Env } from "./http/settings/config.ts";
export type { Classification } from "./core/model/decode.ts";
export type { Entity } from "./core/model/spans.ts";
export type {
  Answer,
  EmbedParameters,
  Outcome,
  PredictParameters,
  Prediction,
  TextInput,
} from "./serve/prediction.ts";
export {
  EdgePrefixError,
  FormatError,
  InputError,
  LimitError,
  MismatchError,
  NotFoundError,
  OverloadedError,
  UnavailableError,
} from "./core/errors.ts";
