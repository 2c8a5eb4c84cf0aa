/** What a page imports: `edge-prefix/browser`, which a Worker also serves as `/browser.js`. */
export { loadPredictor } from "./predictor.ts";
export type { BrowserPredictor, CallOptions, LoadOptions } from "./predictor.ts";
export type { Backend, CallFacts, LoadProgress, LoadedTask } from "./calls.ts";
export type { Classification } from "../core/model/decode.ts";
export type { Entity } from "../core/model/spans.ts";
export type {
  Answer,
  EmbedParameters,
  Outcome,
  PredictParameters,
  Prediction,
  TextInput,
  Timings,
  Usage,
} from "../serve/prediction.ts";
export type { Question, VersionChoice, Versions } from "../serve/questions.ts";
export {
  EdgePrefixError,
  FormatError,
  InputError,
  LimitError,
  MismatchError,
  NotFoundError,
  OverloadedError,
  UnavailableError,
} from "../core/errors.ts";
