/** The routes below /files in the OpenAPI document. */
import { NAME, ok, refTo, text } from "./openapi-parts.ts";
import type { Json } from "./openapi-parts.ts";

const HASH = { type: "string", pattern: "^[0-9a-f]{64}$" };
const HEADERS = {
  etag: text("Sent back as if-none-match, it spares an answer that has not changed: 304"),
  "cache-control": text("Pointers are asked for again each time; blobs never change"),
};
const JSON_FILE = { "application/json": { schema: { type: "object" } } };
const BYTES = { "application/octet-stream": { schema: { type: "string", format: "binary" } } };

/** `doors` is what an operation says of keys, `own` gives its problems by status. */
export function filePaths(doors: Json, own: (statuses: readonly number[]) => Json): Json {
  const gives = (operationId: string, summary: string, content: Json, more: Json = {}): Json => ({
    operationId,
    summary,
    ...doors,
    responses: {
      "200": { ...ok(content), headers: HEADERS },
      "304": { description: "The client has this already", headers: HEADERS },
      ...own([404, 503]),
      ...more,
    },
  });
  const parameter = (name: string, schema: Json): Json => ({
    name,
    in: "path",
    required: true,
    schema,
  });
  const range = {
    name: "range",
    in: "header",
    description: "One range of bytes, such as bytes=0-1023",
    schema: { type: "string" },
  };
  const part = {
    "206": {
      description: "The range that was asked for",
      headers: { ...HEADERS, "content-range": text("First byte, last byte, length of the file") },
      content: BYTES,
    },
    ...own([416]),
  };
  return {
    "/files/index.json": {
      get: gives("listFiles", "The base and the tasks whose files may be read", {
        "application/json": { schema: refTo("FilesIndex") },
      }),
    },
    "/files/bases/{base}.json": {
      parameters: [parameter("base", NAME)],
      get: gives("getBasePointer", "Which files the base consists of", JSON_FILE),
    },
    "/files/tasks/{task}.json": {
      parameters: [parameter("task", NAME)],
      get: gives("getTaskPointer", "Versions of a task, and which is current", JSON_FILE),
    },
    "/files/blobs/sha256/{hash}": {
      parameters: [parameter("hash", HASH), range],
      get: gives("getBlob", "A file of the base or of a task, by its SHA-256", BYTES, part),
    },
  };
}
