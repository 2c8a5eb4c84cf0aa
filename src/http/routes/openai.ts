/**
 * OpenAI's embeddings and models, so that its clients, and what is built on them, work unchanged with
 * `baseURL` .../v1. The base is the only model that embeds; a task is a model that is asked at its own
 * route.
 */
import { toBase64 } from "../../core/base64.ts";
import { mapLimited } from "../../core/concurrency.ts";
import { EdgePrefixError, NotFoundError } from "../../core/errors.ts";
import { shortIdentity } from "../../core/format/manifest.ts";
import type { BaseManifest } from "../../core/format/manifest.ts";
import { baseOf, toNumbers, vectorsOf } from "./base-vectors.ts";
import { readEmbeddingsRequest } from "../schemas/base-schema.ts";
import type { EmbeddingsAnswer, EmbeddingsRequest, Model } from "../schemas/base-schema.ts";
import { readJson } from "../doors/body.ts";
import { holdOf } from "../context/context.ts";
import type { AppContext, AppDeps, AppHandler } from "../context/context.ts";
import { countInputs } from "../doors/limits.ts";
import { RequestError } from "../schemas/request-error.ts";
import { LIST_LIMIT, READS_AT_ONCE, readPage } from "./tasks.ts";

/** POST /v1/embeddings: unit vectors of the base. */
export function createEmbeddings(deps: AppDeps): AppHandler {
  return async (c) => {
    const body = await readJson(c, deps);
    countInputs(body, deps.config);
    const request = readEmbeddingsRequest(body);
    const base = await baseOf(c, deps);
    checkForBase(request, base.manifest);
    const pathOf = (index: number): string => inputPath(request, index);
    const { vectors, usage } = await vectorsOf(c, deps, base, request.texts, pathOf);
    c.var.logged["format"] = request.format;
    return c.body(JSON.stringify(embeddingsAnswer(request, base.manifest, vectors, usage.tokens)));
  };
}

/** Throws NotFoundError `model-not-found` or RequestError `parameter-invalid` for what this base is not. */
export function checkForBase(
  { model, dimensions }: Pick<EmbeddingsRequest, "model" | "dimensions">,
  base: BaseManifest,
): void {
  checkModel(model, base);
  checkDimensions(dimensions, base);
}

/** JSON pointer of a text. */
export const inputPath = ({ isSingle }: Pick<EmbeddingsRequest, "isSingle">, index: number) =>
  isSingle ? "/input" : `/input/${index}`;

/** The answer of unit vectors, [H] of each text, which had so many tokens together. */
export const embeddingsAnswer = (
  { format }: Pick<EmbeddingsRequest, "format">,
  { name: model }: BaseManifest,
  vectors: readonly Float32Array[],
  tokens: number,
): EmbeddingsAnswer => ({
  object: "list",
  data: vectors.map((vector, index) => ({
    object: "embedding",
    index,
    embedding: format === "base64" ? toBase64(bytesOf(vector)) : toNumbers(vector),
  })),
  model,
  usage: { prompt_tokens: tokens, total_tokens: tokens },
});

/** GET /v1/models: the base, where the key may use it, and the tasks that can be served, by name. */
export function listModels({ models, tasks }: AppDeps): AppHandler {
  return async (c) => {
    const { limit, after } = readPage(c, { usual: LIST_LIMIT.max, cursorName: "after" });
    const hold = holdOf(c);
    const { manifest: base } = await models.get(hold);
    const own = c.var.key?.tasks?.filter((name) => after === undefined || name > after).sort();
    const names = own ? own.slice(0, limit) : await tasks.list({ after, limit });
    const listed = await mapLimited(names, READS_AT_ONCE, async (name) => {
      try {
        return [modelOf(name, (await tasks.describe(name, base, { hold })).manifest.created)];
      } catch (error) {
        // What cannot be served is no model; GET /v1/tasks says why.
        if (error instanceof EdgePrefixError) return [];
        throw error;
      }
    });
    const first = mayUseBase(c) && after === undefined ? [modelOf(base.name, base.created)] : [];
    return c.json({
      object: "list",
      data: [...first, ...listed.flat()],
      has_more: names.length === limit,
    });
  };
}

/** GET /v1/models/{model}. Throws NotFoundError `model-not-found`, also for what the key may not use. */
export function showModel({ models, tasks }: AppDeps): AppHandler {
  return async (c) => {
    const hold = holdOf(c);
    const { manifest: base } = await models.get(hold);
    const name = c.req.param("model") ?? "";
    if (isBase(name, base) && mayUseBase(c)) return c.json(modelOf(name, base.created));
    if (c.var.key?.tasks?.includes(name) === false) throw noModel(name);
    try {
      const { manifest } = await tasks.describe(name, base, { hold });
      return c.json(modelOf(name, manifest.created));
    } catch (error) {
      throw error instanceof NotFoundError ? noModel(name) : error;
    }
  };
}

const mayUseBase = (c: AppContext): boolean => (c.var.key?.tasks ?? null) === null;

const isBase = (name: string, base: BaseManifest): boolean =>
  name === base.name || name === shortIdentity(base);

const modelOf = (id: string, created: string): Model => ({
  id,
  object: "model",
  created: Math.floor(Date.parse(created) / 1000),
  owned_by: "edge-prefix",
});

function checkModel(name: string, base: BaseManifest): void {
  if (isBase(name, base)) return;
  throw new NotFoundError(
    "model-not-found",
    `model ${JSON.stringify(name.slice(0, 80))}: is not the base, which alone embeds; send "model": "${base.name}"`,
  );
}

function checkDimensions(
  dimensions: number | undefined,
  { name, configuration }: BaseManifest,
): void {
  const { hidden_size: length } = configuration;
  if (dimensions === undefined || dimensions === length) return;
  const detail = `is ${dimensions}, expected ${length} or nothing: base ${name} was not trained for vectors that are cut`;
  throw new RequestError([{ path: "/dimensions", code: "parameter-invalid", detail }]);
}

const noModel = (name: string): NotFoundError =>
  new NotFoundError(
    "model-not-found",
    `model ${JSON.stringify(name.slice(0, 80))}: does not exist, or the key may not use it; GET /v1/models lists the models`,
  );

/** The numbers' bytes, little-endian, which is how every host of ours keeps them. */
const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
