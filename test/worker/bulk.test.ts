/**
 * Batches in workerd over its own queues and R2: OpenAI's client unchanged, through the Worker that
 * answers requests; rows that fail; a consumer that always throws; keys that are bound to tasks.
 */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import OpenAI, { toFile } from "openai";
import * as v from "valibot";
import { beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { compose } from "../../src/compose.ts";
import { assembleBulk } from "../../src/compose-bulk.ts";
import type { BulkEnv } from "../../src/compose-bulk.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { openDefaultEngine } from "../../src/default-engine.ts";
import { batchSchema, fileSchema } from "../../src/http/bulk/bulk-schema.ts";
import { deadPrefix } from "../../src/serve/bulk/keys.ts";
import { consumeBy } from "./entry.ts";
import { makeTask, putTask, r2, seedBases, sha256 } from "./support.ts";

type Serving = ReturnType<typeof compose>;
type Json = Record<string, unknown>;

let serving: Serving;
const bulkEnv = env as unknown as BulkEnv;

/** The Worker that answers requests and, behind its binding, the one that answers batches. */
function start(keys: Serving["config"]["keys"] = null): (request: Request) => Promise<Response> {
  const own = { ...serving, config: { ...serving.config, keys }, log: () => undefined };
  const parts = assembleBulk(own, bulkEnv, () => 0);
  consumeBy(async (batch, ctx) => {
    const consumer = parts.consumer((promise) => ctx.waitUntil(promise));
    if (batch.queue === "bulk-dead") await consumer.bury(batch.messages);
    else await consumer.consume(batch.messages);
  });
  const app = createApp({ ...own, bulk: { fetch: async (request) => parts.app.fetch(request) } });
  return async (request) => app.fetch(request, undefined, createExecutionContext());
}

const openClient = (fetch: (request: Request) => Promise<Response>, apiKey = "none"): OpenAI =>
  new OpenAI({
    apiKey,
    baseURL: "https://worker/v1",
    fetch: (input, init) => fetch(new Request(input, init)),
    maxRetries: 0,
    dangerouslyAllowBrowser: true,
  });

/** Asks until a batch has ended. */
async function ended(client: OpenAI, id: string): Promise<OpenAI.Batch> {
  while (true) {
    const batch = await client.batches.retrieve(id);
    expect(v.safeParse(batchSchema, batch).issues).toBeUndefined();
    if (["completed", "failed", "cancelled", "expired"].includes(batch.status)) return batch;
    await scheduler.wait(20);
  }
}

async function linesOf(client: OpenAI, file: string | null | undefined): Promise<Json[]> {
  if (!file) return [];
  const text = new TextDecoder().decode(await (await client.files.content(file)).arrayBuffer());
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Json);
}

const sendRows = async (client: OpenAI, rows: readonly unknown[], name = "rows.jsonl") => {
  const text = rows.map((row) => JSON.stringify(row)).join("\n");
  return client.files.create({ purpose: "batch", file: await toFile(encodeUtf8(text), name) });
};

/** OpenAI's types know OpenAI's routes only; ours pass the client as they are. */
const create = (client: OpenAI, input_file_id: string, more: object): Promise<OpenAI.Batch> =>
  client.batches.create({ input_file_id, completion_window: "24h", ...more } as never);

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
  await putTask(await makeTask({ task: "names", manifest: { type: "token" } }));
  serving = compose(bulkEnv, openDefaultEngine);
});

describe("OpenAI's client", () => {
  const TEXTS = ["a good film", "Angela Merkel visited Paris"];

  it.each([
    ["/v1/tasks/mood/predict", { inputs: TEXTS, parameters: { top_k: 1 } }],
    ["/v1/tasks/names/predict", { inputs: TEXTS[1] }],
    [
      "/v1/predict",
      {
        items: [
          { task: "mood", inputs: TEXTS[0] },
          { task: "no", inputs: "a" },
        ],
      },
    ],
    ["/v1/embeddings", { model: "pocket", input: TEXTS, encoding_format: "base64" }],
  ])("gets from a batch what %s answers", async (endpoint, body) => {
    const fetch = start();
    const client = openClient(fetch);
    const line = { method: "POST", url: endpoint };
    const file = await sendRows(client, [
      { custom_id: "a", ...line, body },
      { custom_id: "b", ...line, body: { inputs: "" } },
      { custom_id: "c", ...line, body },
    ]);
    const created = await create(client, file.id, { endpoint, metadata: { purpose: "test" } });
    expect(created).toMatchObject({ status: "validating", metadata: { purpose: "test" } });
    const batch = await ended(client, created.id);
    expect(batch).toMatchObject({
      status: "completed",
      request_counts: { total: 3, completed: 2, failed: 1 },
    });
    const direct = await fetch(
      new Request(`https://worker${endpoint}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
    const expected = (await direct.json()) as { results?: { error?: Json }[] };
    // Only the name of the request differs.
    for (const { error } of expected.results ?? []) {
      if (error) error["request_id"] = expect.any(String);
    }
    const response = { status_code: 200, body: expected };
    expect(await linesOf(client, batch.output_file_id)).toMatchObject([
      { custom_id: "a", response, error: null },
      { custom_id: "c", response, error: null },
    ]);
    expect(await linesOf(client, batch.error_file_id)).toMatchObject([
      { custom_id: "b", response: { body: { code: expect.any(String) as string } } },
    ]);
  });

  it("sends, lists, reads and deletes files, also in parts", async () => {
    const client = openClient(start());
    const file = await sendRows(client, [{ text: "a" }]);
    expect(v.safeParse(fileSchema, file).issues).toBeUndefined();
    expect(file).toMatchObject({ bytes: 12, filename: "rows.jsonl", purpose: "batch" });
    expect(await client.files.retrieve(file.id)).toEqual(file);
    const upload = await client.uploads.create({
      bytes: 12,
      filename: "parts.jsonl",
      mime_type: "application/jsonl",
      purpose: "batch",
    });
    const parts = [];
    for (const text of ['{"text"', ':"a"}']) {
      parts.push(
        await client.uploads.parts.create(upload.id, { data: await toFile(encodeUtf8(text), "p") }),
      );
    }
    const part_ids = parts.map(({ id }) => id);
    await expect(
      client.uploads.complete(upload.id, { part_ids: part_ids.slice(1) }),
    ).rejects.toMatchObject({ status: 400, code: "upload-incomplete" });
    const { file: whole } = await client.uploads.complete(upload.id, { part_ids });
    expect(await linesOf(client, whole!.id)).toEqual([{ text: "a" }]);
    const listed: string[] = [];
    for await (const { id } of client.files.list({ limit: 1, purpose: "batch" })) listed.push(id);
    expect(listed.filter((id) => [file.id, whole!.id].includes(id))).toHaveLength(2);
    expect(await client.files.delete(file.id)).toMatchObject({ deleted: true });
    await expect(client.files.retrieve(file.id)).rejects.toMatchObject({ status: 404 });
  });

  it("cancels a batch, and lists it", async () => {
    const client = openClient(start());
    consumeBy(async ({ messages }) =>
      messages.forEach((message) => message.retry({ delaySeconds: 0 })),
    );
    const { id: file } = await sendRows(client, [{ text: "a" }]);
    const { id } = await create(client, file, { task: "mood" });
    start();
    expect(await client.batches.cancel(id)).toMatchObject({ id, status: "cancelling" });
    expect(await ended(client, id)).toMatchObject({ status: "cancelled" });
    await expect(client.batches.cancel(id)).rejects.toMatchObject({ status: 400 });
    const { data } = await client.batches.list({ limit: 1 });
    expect(data[0]).toMatchObject({ id });
  });
});

/** Rows so long that a range of 131,072 bytes has fourteen of them; what they say is short. */
const rowsOf = (texts: readonly string[]) =>
  texts.map((text, i) => ({ id: `r${i}`, text, other: "x".repeat(9_000) }));

describe("a batch of one task", () => {
  it("answers each row as the route does, and lists what is wrong by id", async () => {
    const fetch = start();
    const client = openClient(fetch);
    const texts = Array.from({ length: 100 }, (_, i) => (i === 42 ? " " : `film number ${i}`));
    const { id: file } = await sendRows(client, rowsOf(texts));
    const { id } = await create(client, file, { task: "mood", parameters: { top_k: 1 } });
    const batch = await ended(client, id);
    expect(batch.request_counts).toEqual({ total: 100, completed: 99, failed: 1 });
    const lines = await linesOf(client, batch.output_file_id);
    const ids = texts.map((_, i) => `r${i}`).filter((name) => name !== "r42");
    expect(lines.map((line) => line["id"])).toEqual(ids);
    const direct = await fetch(
      new Request("https://worker/v1/tasks/mood/predict", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs: [texts[99]], parameters: { top_k: 1 } }),
      }),
    );
    expect([lines.at(-1)?.["result"]]).toEqual(await direct.json());
    expect(await linesOf(client, batch.error_file_id)).toEqual([
      {
        id: "r42",
        line: 43,
        error: { code: "text-empty", detail: expect.stringContaining("no text") as string },
      },
    ]);
  });

  it("keeps the letters of a consumer that always throws, and answers the rest", async () => {
    const client = openClient(start());
    const answer = assembleBulk({ ...serving, log: () => undefined }, bulkEnv, () => 0);
    consumeBy(async (batch, ctx) => {
      const consumer = answer.consumer((promise) => ctx.waitUntil(promise));
      if (batch.queue === "bulk-dead") return consumer.bury(batch.messages);
      const [message] = batch.messages;
      const { kind, start: from } = message!.body as { kind: string; start?: number };
      if (kind === "range" && from === 0) throw new Error("this consumer always throws");
      return consumer.consume(batch.messages);
    });
    const texts = Array.from({ length: 40 }, (_, i) => `film number ${i}`);
    const { id: file } = await sendRows(client, rowsOf(texts));
    const { id } = await create(client, file, { task: "mood" });
    const batch = await ended(client, id);
    // The first row is what all attempts died of, as far as can be told.
    const errors = await linesOf(client, batch.error_file_id);
    expect(errors).toMatchObject([{ id: "r0", error: { code: "row-given-up" } }]);
    expect(await linesOf(client, batch.output_file_id)).toHaveLength(39);
    expect((await r2.list({ prefix: deadPrefix(id) })).objects).toHaveLength(1);
  });

  it("reads a file that was put into the bucket, by csv's columns", async () => {
    const client = openClient(start());
    await r2.put("inbox/mood/a.csv", "number,review\n1,a film\n2,another\n");
    const file = (await client.post("/files", {
      body: { key: "inbox/mood/a.csv", purpose: "batch" },
    })) as { id: string };
    const columns = { format: "csv", column: "review", id_column: "number" };
    const { id } = await create(client, file.id, { task: "mood", ...columns });
    const { output_file_id: output } = await ended(client, id);
    expect((await linesOf(client, output)).map((line) => line["id"])).toEqual(["1", "2"]);
  });

  it("begins one of a dropped file, once for all deliveries of its event", async () => {
    const client = openClient(start());
    const key = "inbox/mood/dropped.jsonl";
    const put = await r2.put(key, '{"id":7,"text":"a film"}');
    const event = { action: "PutObject", object: { key, size: put!.size, eTag: put!.etag } };
    await env.QUEUE.sendBatch([event, event].map((body) => ({ body, contentType: "json" })));
    const own = async () => {
      const { data } = await client.batches.list({ limit: 100 });
      return data.filter(({ input_file_id: file }) => file === key);
    };
    while ((await own()).length === 0) await scheduler.wait(20);
    const [{ id }] = (await own()) as [OpenAI.Batch];
    const { output_file_id: output } = await ended(client, id);
    expect(await linesOf(client, output)).toMatchObject([{ id: 7 }]);
    expect(await own()).toHaveLength(1);
  });

  it.each<[string, object, number, string]>([
    ["no task and no endpoint", {}, 400, "parameter-invalid"],
    ["an unknown task", { task: "nowhere" }, 404, "task-not-found"],
    ["another route", { endpoint: "/v1/chat/completions" }, 400, "request-invalid"],
    ["columns of a jsonl", { task: "mood", column: "a" }, 400, "parameter-invalid"],
    ["wrong parameters", { task: "mood", parameters: { top_k: 0 } }, 400, "parameter-invalid"],
  ])("refuses %s", async (_, more, status, code) => {
    const client = openClient(start());
    const { id: file } = await sendRows(client, [{ text: "a" }]);
    await expect(create(client, file, more)).rejects.toMatchObject({ status, code });
  });
});

describe("doors", () => {
  it("show a key what is its own, and let it ask for its own tasks", async () => {
    const keyOf = async (name: string, tasks: string[] | null) => {
      const digest = await sha256(encodeUtf8(`ep_${name}`));
      return { name, sha256: digest, scopes: ["predict"], tasks } as const;
    };
    const fetch = start([await keyOf("shop", ["mood"]), await keyOf("boss", null)]);
    const shop = openClient(fetch, "ep_shop");
    const boss = openClient(fetch, "ep_boss");
    const own = await sendRows(shop, [{ text: "a" }]);
    const other = await sendRows(boss, [{ text: "a" }]);
    expect((await boss.files.retrieve(own.id)).id).toBe(own.id);
    await expect(shop.files.retrieve(other.id)).rejects.toMatchObject({ status: 404 });
    const forbidden = { status: 403, code: "not-allowed" };
    await expect(create(shop, own.id, { task: "names" })).rejects.toMatchObject(forbidden);
    await expect(create(shop, own.id, { endpoint: "/v1/embeddings" })).rejects.toMatchObject(
      forbidden,
    );
    const line = { custom_id: "a", method: "POST", url: "/v1/predict" };
    const mixed = await sendRows(shop, [
      { ...line, body: { items: [{ task: "names", inputs: "a" }] } },
    ]);
    const { id } = await create(shop, mixed.id, { endpoint: "/v1/predict" });
    const { error_file_id: errors } = await ended(shop, id);
    expect(await linesOf(shop, errors)).toMatchObject([{ error: { code: "not-allowed" } }]);
    await expect(openClient(fetch, "ep_none").batches.list()).rejects.toMatchObject({
      status: 401,
    });
  });

  it("stay shut where the other Worker knows no keys, and without it", async () => {
    const parts = assembleBulk({ ...serving, log: () => undefined }, bulkEnv);
    const headers = { "x-edge-prefix-doors": "keys" };
    const refused = await parts.app.fetch(new Request("https://bulk/v1/batches", { headers }));
    expect(await refused.json()).toMatchObject({ code: "bulk-keys-missing", status: 503 });
    const alone = createApp({ ...serving, log: () => undefined });
    const off = await alone.fetch(new Request("https://worker/v1/batches"));
    expect(await off.json()).toMatchObject({ code: "bulk-off", status: 404 });
  });

  it("describes the routes of the other Worker beside its own", async () => {
    const response = await start()(new Request("https://worker/openapi.json"));
    const { paths, components } = (await response.json()) as {
      paths: Json;
      components: { schemas: Json };
    };
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(["/v1/predict", "/v1/batches", "/v1/files/{file}/content"]),
    );
    const refs = JSON.stringify(paths).matchAll(/#\/components\/schemas\/(\w+)/g);
    for (const [, name] of refs) expect(components.schemas).toHaveProperty(name!);
  });
});
