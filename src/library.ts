/**
 * What a Worker of one's own imports from this package.
 *
 *     import { compose, createApp } from "edge-prefix";
 *     app.route("/nlp", createApp(compose(env)));            // every route of docs, below /nlp
 *
 *     const { predictor } = compose(env);                     // the same without HTTP
 *     const opened = await predictor.open("sentiment", { hold: (work) => ctx.waitUntil(work) });
 *     for await (const answer of predictor.predict(opened, [{ text }], {}, { signal })) ..
 *
 * The Worker needs the compatibility flags of this project's wrangler.toml; docs/mount.md has all of it.
 */
export { createApp } from "./app.ts";
export { compose } from "./compose.ts";
export { EdgePrefixError } from "./core/errors.ts";
export type { AppDeps } from "./app.ts";
export type { Config, Env } from "./http/config.ts";
export type { Classification } from "./core/model/decode.ts";
export type { Entity } from "./core/model/spans.ts";
export type {
  Answer,
  Ask,
  EmbedParameters,
  Opened,
  Outcome,
  PredictOptions,
  PredictParameters,
  Prediction,
  Predictor,
  Progress,
  TextInput,
  Timings,
  Usage,
} from "./serve/prediction.ts";
