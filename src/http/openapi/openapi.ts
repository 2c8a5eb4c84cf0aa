/**
 * GET /openapi.json: OpenAPI 3.1 (spec.openapis.org/oas/v3.1.0), with the very schemas that validate
 * requests as its components, so that it cannot promise what is then refused.
 */
import { toJsonSchemaDefs } from "@valibot/to-json-schema";
import * as base from "../schemas/base-schema.ts";
import type { AppDeps, AppHandler } from "../context/context.ts";
import { examplesFor } from "./examples.ts";
import type { Example } from "./examples.ts";
import { filePaths } from "./openapi-files.ts";
import { ANSWER_HEADERS, NAME, ok, problems, refTo } from "./openapi-parts.ts";
import type { Json } from "./openapi-parts.ts";
import * as health from "../schemas/health-schema.ts";
import * as schemas from "../schemas/schema.ts";
import { infoSchema } from "../schemas/tei-schema.ts";
import { LIST_LIMIT } from "../routes/tasks.ts";

/** Names that readers see, for the schemas that stand alone. */
const COMPONENTS = {
  PredictRequest: schemas.predictRequestSchema,
  PredictAnswer: schemas.predictAnswerSchema,
  PredictLine: schemas.lineSchema,
  PredictManyRequest: schemas.predictManyRequestSchema,
  PredictManyAnswer: schemas.predictManyAnswerSchema,
  PredictManyLine: schemas.manyLineSchema,
  EmbedRequest: schemas.embedRequestSchema,
  EmbedAnswer: schemas.embedAnswerSchema,
  EmbedLine: schemas.embedLineSchema,
  Parameters: schemas.parametersSchema,
  Answer: schemas.answerSchema,
  Classification: schemas.classificationSchema,
  Entity: schemas.entitySchema,
  Task: schemas.taskSchema,
  TaskDetails: schemas.taskDetailsSchema,
  TaskList: schemas.taskListSchema,
  Problem: schemas.problemSchema,
  Alive: health.aliveSchema,
  Ready: health.readySchema,
  Index: schemas.indexSchema,
  FilesIndex: schemas.filesIndexSchema,
  EmbeddingsRequest: base.embeddingsRequestSchema,
  EmbeddingsAnswer: base.embeddingsAnswerSchema,
  SimilarityRequest: base.similarityRequestSchema,
  SimilarityAnswer: base.similarityAnswerSchema,
  ZeroShotRequest: base.zeroShotRequestSchema,
  ZeroShotAnswer: base.zeroShotAnswerSchema,
  Model: base.modelSchema,
  ModelList: base.modelListSchema,
  Info: infoSchema,
};

type Component = keyof typeof COMPONENTS;

const jsonOf = (name: Component): Json => ({ "application/json": { schema: refTo(name) } });

export function showOpenApi(deps: AppDeps): AppHandler {
  return async (c) => {
    const { origin, pathname } = new URL(c.req.url);
    const own = openApiDocument(deps, origin + pathname.replace(/\/openapi\.json\/?$/, ""));
    if (!deps.bulk) return c.json(own);
    const response = await deps.bulk.fetch(new Request("https://bulk/openapi.json"));
    const { paths, components } = (await response.json()) as OpenApi;
    const schemas = { ...components.schemas, ...own.components.schemas };
    return c.json({
      ...own,
      paths: { ...own.paths, ...paths },
      components: { ...own.components, schemas },
    });
  };
}

/** What the document says of a deployment. */
export type Deployment = Pick<AppDeps, "config" | "admission">;

/** The document of a deployment that answers at `server`. */
export function openApiDocument(deployment: Deployment, server: string): OpenApi {
  const { config } = deployment;
  const shown = examplesFor(config);
  const doors = config.keys === null ? {} : { security: [{ key: [] }] };
  const own = (statuses: readonly number[]): Json =>
    problems([...statuses, ...(config.keys === null ? [] : [401, 403]), 405, 429, 431, 500]);
  const answers = { ...own([400, 404, 406, 408, 409, 413, 415, 422, 503]) };
  const lists = { ...own([400, 404, 409, 503]) };
  const streamed = (name: string): Json => ({
    ...jsonOf(`${name}Answer` as Component),
    // A line a time: OpenAPI 3.1 has no word for that, so the schema of a line is named beside.
    "application/x-ndjson": { schema: { type: "string" }, "x-line-schema": refTo(`${name}Line`) },
    "text/event-stream": { schema: { type: "string" }, "x-data-schema": refTo(`${name}Line`) },
  });
  const asks = (path: string, name: string, text: Json, content = streamed(name)): Json => ({
    post: {
      ...text,
      ...doors,
      requestBody: {
        required: true,
        content: {
          "application/json": {
            schema: refTo(`${name}Request`),
            examples: mapValues(shown[path]!, ({ summary, body }) => ({ summary, value: body })),
          },
        },
      },
      responses: {
        "200": {
          description: "An answer for every input, in their order",
          headers: ANSWER_HEADERS,
          content: withExamples(content, shown[path]!),
        },
        ...answers,
      },
    },
  });
  /** A route whose answer is one JSON document, whatever the client accepts. */
  const once = (path: string, name: string, text: Json): Json =>
    asks(path, name, text, jsonOf(`${name}Answer` as Component));
  const reads = (text: Json, name: Component, more: Json = {}): Json => ({
    get: { ...text, responses: { "200": ok(jsonOf(name)), ...problems([405, 431, 500]), ...more } },
  });
  const version = {
    name: "version",
    in: "query",
    description: "Another than the current version",
    schema: { type: "string", pattern: "^[0-9a-f]{12}$" },
  };
  const task = {
    name: "task",
    in: "path",
    required: true,
    description: "GET /v1/tasks lists what there is",
    schema: NAME,
  };

  const canaryKey = {
    name: "x-canary-key",
    in: "header",
    description: "The same key always gets the same version of a task that has a canary",
    schema: { type: "string" },
  };
  const page = [
    {
      name: "limit",
      in: "query",
      description: "Tasks of a page",
      schema: {
        type: "integer",
        minimum: 1,
        maximum: LIST_LIMIT.max,
        default: LIST_LIMIT.default,
      },
    },
    { name: "cursor", in: "query", description: "What the page before gave", schema: task.schema },
  ];

  const predict = asks("/v1/tasks/{task}/predict", "Predict", TEXTS.predict);
  return {
    openapi: "3.1.0",
    info: {
      title: "edge-prefix",
      version: "1",
      description: `Many text tasks from one small transformer, base ${config.base}. A request may have ${amount(config.maxInputs)} inputs of ${amount(config.maxCharacters)} characters, name ${amount(config.maxTasks)} tasks, and have ${amount(config.maxBodyBytes)} bytes in all. ${costOf(deployment)} More is refused with 413.`,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: server }],
    paths: {
      "/v1/tasks/{task}/predict": { parameters: [task, version, canaryKey], ...predict },
      "/v1/predict": {
        parameters: [canaryKey],
        ...asks("/v1/predict", "PredictMany", TEXTS.predictMany),
      },
      "/v1/embed": asks("/v1/embed", "Embed", TEXTS.embed),
      "/v1/embeddings": once("/v1/embeddings", "Embeddings", TEXTS.embeddings),
      "/v1/similarity": once("/v1/similarity", "Similarity", TEXTS.similarity),
      "/v1/zero-shot": once("/v1/zero-shot", "ZeroShot", TEXTS.zeroShot),
      "/v1/models": {
        parameters: [page[0]!, { ...page[1]!, name: "after" }],
        get: { ...TEXTS.models, ...doors, responses: { "200": ok(jsonOf("ModelList")), ...lists } },
      },
      "/v1/models/{model}": {
        parameters: [{ ...task, name: "model", description: "GET /v1/models lists what there is" }],
        get: { ...TEXTS.model, ...doors, responses: { "200": ok(jsonOf("Model")), ...lists } },
      },
      "/v1/info": {
        get: { ...TEXTS.info, ...doors, responses: { "200": ok(jsonOf("Info")), ...lists } },
      },
      "/v1/tasks/{task}/info": {
        parameters: [task],
        get: { ...TEXTS.taskInfo, ...doors, responses: { "200": ok(jsonOf("Info")), ...lists } },
      },
      "/v1/tasks": {
        parameters: page,
        get: { ...TEXTS.tasks, ...doors, responses: { "200": ok(jsonOf("TaskList")), ...lists } },
      },
      "/v1/tasks/{task}": {
        parameters: [task, version],
        get: {
          ...TEXTS.task,
          ...doors,
          responses: { "200": ok(jsonOf("TaskDetails")), ...lists },
        },
      },
      "/livez": reads(TEXTS.livez, "Alive"),
      "/readyz": reads(TEXTS.readyz, "Ready", problems([503])),
      "/metrics": {
        get: {
          ...TEXTS.metrics,
          ...doors,
          responses: { "200": ok({ "text/plain": { schema: { type: "string" } } }), ...own([]) },
        },
      },
      "/": {
        get: {
          ...TEXTS.index,
          responses: {
            "200": ok({ ...jsonOf("Index"), "text/html": { schema: { type: "string" } } }),
            ...problems([405, 431, 500]),
          },
        },
      },
      ...(config.servesFiles ? filePaths(doors, own) : {}),
    },
    components: {
      schemas: toJsonSchemaDefs(COMPONENTS, {
        target: "draft-2020-12",
        // Lists of inputs are those that may not be empty; how long they may be is this Worker's setting.
        overrideAction: ({ valibotAction, jsonSchema }) =>
          valibotAction.type === "metadata" && "minItems" in jsonSchema
            ? { ...jsonSchema, maxItems: config.maxInputs }
            : undefined,
        overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
      }),
      ...(config.keys === null
        ? {}
        : { securitySchemes: { key: { type: "http", scheme: "bearer" } } }),
    },
  };
}

export interface OpenApi extends Json {
  readonly info: { readonly title: string; readonly description: string } & Json;
  readonly paths: Readonly<Record<string, Json>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> } & Json;
}

const TEXTS = {
  predict: {
    operationId: "predict",
    summary: "Labels or entities of texts",
    description:
      "Shapes are those of Hugging Face's pipelines. One text or a list; a text longer than a window is read in several and merged. `Accept` chooses JSON, NDJSON (a line an input, as soon as it is ready) or server-sent events.",
  },
  predictMany: {
    operationId: "predictMany",
    summary: "Any mix of tasks in one call",
    description:
      "Each item is answered as its task's own route would; an item's failure is its own.",
  },
  embed: { operationId: "embed", summary: "Sentence embeddings of the base" },
  embeddings: {
    operationId: "createEmbeddings",
    summary: "The same in OpenAI's shape",
    description: "For OpenAI's clients with `baseURL` .../v1; `model` is the name of the base.",
  },
  similarity: {
    operationId: "compareSentences",
    summary: "How near sentences are to one",
    description: "Cosines of the base's vectors, in Hugging Face's shape for sentence similarity.",
  },
  zeroShot: {
    operationId: "classifyZeroShot",
    summary: "Labels that the request names, without a task",
    description:
      "Compares the text with a sentence that each label becomes, by the base's own vectors; in Hugging Face's shape. A task that was trained on a hundred rows is usually better.",
  },
  models: { operationId: "listModels", summary: "The base and the tasks, in OpenAI's shape" },
  model: { operationId: "getModel", summary: "One of them" },
  info: { operationId: "getInfo", summary: "The base, as Text Embeddings Inference describes it" },
  taskInfo: { operationId: "getTaskInfo", summary: "A task, in the same way" },
  tasks: { operationId: "listTasks", summary: "All tasks" },
  task: {
    operationId: "getTask",
    summary: "One task: type, labels, base, version, metrics, examples",
  },
  livez: { operationId: "live", summary: "The Worker is alive; never waits" },
  readyz: { operationId: "ready", summary: "The base is loaded, or what is missing" },
  metrics: { operationId: "metrics", summary: "Figures of one isolate in Prometheus' text format" },
  index: {
    operationId: "index",
    summary: "A first page: JSON for people with curl, a page to try every task for browsers",
  },
} as const;

/** Characters of English that one token stands for, what the windows of a long text share included. */
const CHARACTERS_PER_TOKEN = 3;

/** What a request may cost by the present forecast, which is what decides about it. */
function costOf({ config, admission: { msPerToken } }: Deployment): string {
  const ms = Math.min(config.admission.requestCpuMs, config.predictor.deadlineMs);
  const tokens = roughly(ms / msPerToken);
  return `All its texts together may cost ${amount(ms)} ms of computing: at the present ${msPerToken.toPrecision(2)} ms a token that is about ${amount(tokens)} tokens, or ${amount(roughly(tokens * CHARACTERS_PER_TOKEN))} characters of English, unless \`truncation\` reads the beginning of each text alone.`;
}

/** Two digits: a forecast has no more. */
const roughly = (value: number): number => Number(value.toPrecision(2));

const amount = (value: number): string => value.toLocaleString("en");

function mapValues<T, U>(values: Readonly<Record<string, T>>, map: (value: T) => U) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}

function withExamples(content: Json, examples: Readonly<Record<string, Example>>): Json {
  const values = mapValues(examples, ({ summary, answer }) => ({ summary, value: answer }));
  const json = content["application/json"] as Json;
  return { ...content, "application/json": { ...json, examples: values } };
}
