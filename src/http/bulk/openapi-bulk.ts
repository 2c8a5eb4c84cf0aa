/**
 * The routes of files, uploads and batches in OpenAPI: made here, so that the Worker that answers
 * requests need not carry them; it puts them into its own document.
 */
import { toJsonSchemaDefs } from "@valibot/to-json-schema";
import type { Config } from "../settings/config.ts";
import type { AppHandler } from "../context/context.ts";
import { ok, problems, refTo } from "../openapi/openapi-parts.ts";
import type { Json } from "../openapi/openapi-parts.ts";
import { problemSchema } from "../schemas/schema.ts";
import type { BulkDeps } from "./bulk-deps.ts";
import * as schemas from "./bulk-schema.ts";

const COMPONENTS = {
  BatchRequest: schemas.batchRequestSchema,
  Batch: schemas.batchSchema,
  BatchList: schemas.batchListSchema,
  FileRequest: schemas.fileRequestSchema,
  File: schemas.fileSchema,
  FileList: schemas.fileListSchema,
  FileDeleted: schemas.fileDeletedSchema,
  UploadRequest: schemas.uploadRequestSchema,
  CompleteRequest: schemas.completeRequestSchema,
  Upload: schemas.uploadSchema,
  UploadPart: schemas.uploadPartSchema,
  UrlsRequest: schemas.urlsRequestSchema,
  UrlList: schemas.urlListSchema,
  Problem: problemSchema,
};

type Component = keyof typeof COMPONENTS;

export function showBulkOpenApi({ config }: BulkDeps): AppHandler {
  return (c) => c.json(bulkOpenApi(config));
}

const BINARY = { type: "string", format: "binary" };

export function bulkOpenApi({ keys }: Pick<Config, "keys">): { paths: Json; components: Json } {
  const doors = keys === null ? {} : { security: [{ key: [] }] };
  const does = (
    operationId: string,
    summary: string,
    content: Component | Json,
    body?: Json,
  ): Json => ({
    operationId,
    summary,
    ...doors,
    ...(body === undefined ? {} : { requestBody: { required: true, content: body } }),
    responses: {
      "200": ok(
        typeof content === "string" ? { "application/json": { schema: refTo(content) } } : content,
      ),
      ...problems([400, 401, 403, 404, 408, 409, 413, 415, 429, 431, 500, 503]),
    },
  });
  const json = (name: Component): Json => ({ "application/json": { schema: refTo(name) } });
  const form = (properties: Json): Json => ({
    "multipart/form-data": {
      schema: { type: "object", properties, required: Object.keys(properties) },
    },
  });
  const id = (name: string): Json => ({
    parameters: [{ name, in: "path", required: true, schema: { type: "string" } }],
  });
  const page = [
    { name: "limit", in: "query", schema: { type: "integer", minimum: 1, default: 20 } },
    { name: "after", in: "query", schema: { type: "string" } },
  ];
  const file = { ...form({ purpose: { const: "batch" }, file: BINARY }), ...json("FileRequest") };
  const octets = { "application/octet-stream": { schema: BINARY } };
  return {
    paths: {
      "/v1/files": {
        post: does("createFile", "Send a file for a batch", "File", file),
        get: { ...does("listFiles", "Files, newest first", "FileList"), parameters: page },
      },
      "/v1/files/{file}": {
        ...id("file"),
        get: does("getFile", "One file", "File"),
        delete: does("deleteFile", "Delete a file", "FileDeleted"),
      },
      "/v1/files/{file}/content": {
        ...id("file"),
        get: does("getFileContent", "The bytes of a file", octets),
      },
      "/v1/uploads": {
        post: does("createUpload", "Begin a file in parts", "Upload", json("UploadRequest")),
      },
      "/v1/uploads/{upload}/parts": {
        ...id("upload"),
        post: does("addUploadPart", "Send a part", "UploadPart", form({ data: BINARY })),
      },
      "/v1/uploads/{upload}/urls": {
        ...id("upload"),
        post: does("signUploadParts", "Where parts are sent", "UrlList", json("UrlsRequest")),
      },
      "/v1/uploads/{upload}/complete": {
        ...id("upload"),
        post: does("completeUpload", "Join the parts", "Upload", json("CompleteRequest")),
      },
      "/v1/uploads/{upload}/cancel": {
        ...id("upload"),
        post: does("cancelUpload", "Give it up", "Upload"),
      },
      "/v1/batches": {
        post: does("createBatch", "Answer all lines of a file", "Batch", json("BatchRequest")),
        get: { ...does("listBatches", "Batches, newest first", "BatchList"), parameters: page },
      },
      "/v1/batches/{batch}": {
        ...id("batch"),
        get: does("getBatch", "How a batch fares", "Batch"),
      },
      "/v1/batches/{batch}/cancel": {
        ...id("batch"),
        post: does("cancelBatch", "End a batch, and keep what is answered", "Batch"),
      },
      "/v1/batches/{batch}/resume": {
        ...id("batch"),
        post: does("resumeBatch", "Send again what has no answer yet", "Batch"),
      },
    },
    components: {
      schemas: toJsonSchemaDefs(COMPONENTS, {
        target: "draft-2020-12",
        errorMode: "ignore",
        overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
      }),
    },
  };
}
