/** What the command line asks a Worker for: files in one piece, in parts and past it, and again after a failure. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { batchClient } from "../../../scripts/bulk/batch-client.ts";
import type { BatchClient, UploadState } from "../../../scripts/bulk/batch-client.ts";
import { dataKey, outputFileId } from "../../../src/serve/bulk/keys.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import { startBulkServer } from "../../support/bulk-server.ts";
import type { BulkServer } from "../../support/bulk-server.ts";
import { temporaryFolder } from "../../support/folders.ts";

const folder = temporaryFolder("batch-client");
afterAll(() => folder.remove());
/** 2,560 bytes, each block of ten of them another. */
const CONTENT = Array.from({ length: 256 }, (_, i) => `${String(i).padStart(9, "0")}\n`).join("");
const input = join(folder.path, "rows.jsonl");
writeFileSync(input, CONTENT);

let server: BulkServer;
afterEach(() => server.close());

async function open(
  partBytes: number | null,
  { signal = new AbortController().signal, key }: { signal?: AbortSignal; key?: string } = {},
  variables: Record<string, unknown> = {},
): Promise<BatchClient> {
  server = await startBulkServer(partBytes, variables);
  return batchClient(server.url, key, signal, { firstPauseMs: 1, maxBytes: 1_000 });
}

const kept = (id: string): string => server.store.text(dataKey(id));
const state = (): UploadState => ({ parts: [] });
const save = async (): Promise<void> => undefined;
/** Requests of one kind, without the ids of uploads. */
const askedFor = (pattern: RegExp): string[] =>
  server.asked.filter((name) => pattern.test(name)).map((name) => name.replace(/\d{13}/g, ""));

describe("a file", () => {
  it("that is small goes to the Worker in one request", async () => {
    const client = await open(1_000);
    const small = join(folder.path, "small.jsonl");
    writeFileSync(small, '{"text":"a"}\n');
    expect(kept(await client.send(small, state(), save))).toBe('{"text":"a"}\n');
    expect(server.asked).toEqual(["POST /v1/files"]);
  });

  it("that is large goes in parts through a Worker that has no credentials", async () => {
    const client = await open(null);
    server.before = (name) =>
      name.endsWith("/parts") && server.asked.length === 3 ? 503 : undefined;
    expect(kept(await client.send(input, state(), save))).toBe(CONTENT);
    expect(askedFor(/parts$/)).toHaveLength(4); // three, one of them twice
    expect(askedFor(/s3/)).toEqual([]);
  });

  it("that is large goes past a Worker that signs URLs, whose key the bucket never sees", async () => {
    const keys = JSON.stringify([
      { name: "a", sha256: await digest("ep_secret"), scopes: ["predict"], tasks: null },
    ]);
    const client = await open(1_000, { key: "ep_secret" }, { API_KEYS: keys });
    const seen = new Set<string | undefined>();
    server.before = (name, { authorization }) => {
      if (name.startsWith("PUT")) seen.add(authorization);
      return undefined;
    };
    const id = await client.send(input, state(), save);
    expect(kept(id)).toBe(CONTENT);
    const object = `/s3/bucket/${dataKey(id)}`;
    expect(server.asked.filter((name) => name.includes("/s3/"))).toEqual([
      `POST ${object}`,
      `PUT ${object} 1`,
      `PUT ${object} 2`,
      `PUT ${object} 3`,
      `POST ${object}`,
    ]);
    expect([...seen]).toEqual([undefined]);
    expect(askedFor(/parts$/)).toEqual([]);
  });

  it("goes on with the part that was on its way when the command was killed", async () => {
    const client = await open(1_000);
    const progress = state();
    let saved = "";
    const keep = async (): Promise<void> => void (saved = JSON.stringify(progress));
    const stop = new AbortController();
    server.before = (name) => {
      if (!/^PUT .* 2$/.test(name)) return undefined;
      stop.abort();
      return 0;
    };
    const first = batchClient(server.url, undefined, stop.signal, {
      firstPauseMs: 1,
      maxBytes: 1_000,
    });
    await expect(first.send(input, progress, keep)).rejects.toThrow("aborted");
    server.before = () => undefined;
    server.asked.length = 0;
    const id = await client.send(input, JSON.parse(saved) as UploadState, save);
    expect(kept(id)).toBe(CONTENT);
    expect(
      server.asked.filter((name) => name.startsWith("PUT")).map((name) => name.at(-1)),
    ).toEqual(["2", "3"]);
  });

  it.each([[0], [500], [403]])("sends a part again by a new URL after %s", async (status) => {
    const client = await open(1_000);
    let failures = 0;
    server.before = (name) => (/^PUT .* 2$/.test(name) && failures++ < 2 ? status : undefined);
    expect(kept(await client.send(input, state(), save))).toBe(CONTENT);
    expect(askedFor(/urls$/)).toHaveLength(5);
  });

  it("asks eight times for a part's URL in all, not eight times in each attempt", async () => {
    const client = await open(1_000);
    server.before = (name) => (name.endsWith("/urls") ? 503 : undefined);
    const sent = client.send(input, state(), save);
    await expect(sent).rejects.toMatchObject({ code: "server-unreachable" });
    expect(askedFor(/urls$/)).toHaveLength(8);
  });

  it("is not made twice when the answer to its completion was lost", async () => {
    const client = await open(1_000);
    const progress = state();
    const complete = server.store.create;
    let isLost = true;
    // The bucket has the object; what the Worker writes beside it fails once.
    server.store.create = async (key, ...rest) => {
      if (key.startsWith("bulk/files/") && isLost) throw new Error(String((isLost = false)));
      return complete(key, ...rest);
    };
    expect(kept(await client.send(input, progress, save))).toBe(CONTENT);
    expect(askedFor(/complete$/)).toHaveLength(2);
  });

  it("is not begun anew when the Worker has forgotten its upload", async () => {
    const client = await open(1_000);
    const sent = client.send(input, { upload: "upload_0none", partBytes: 1_000, parts: [] }, save);
    await expect(sent).rejects.toMatchObject({ code: "upload-not-found" });
  });
});

describe("a call", () => {
  it("is tried again while the server restarts, but a batch is not begun twice", async () => {
    const client = await open(null);
    let failures = 0;
    server.before = () => (failures++ < 3 ? 0 : undefined);
    expect(await client.batches(5)).toEqual([]);
    server.before = () => 503;
    const begun = client.createBatch({ input_file_id: "file-1", task: "mood" });
    await expect(begun).rejects.toMatchObject({ code: "server-unreachable" });
    expect(askedFor(/^POST \/v1\/batches/)).toHaveLength(1);
  });

  it("fails at once with the Worker's own code", async () => {
    const client = await open(null);
    await expect(client.batch("batch_0none")).rejects.toMatchObject({ code: "batch-not-found" });
    const begun = client.createBatch({ input_file_id: "file-0none", task: "mood" });
    await expect(begun).rejects.toMatchObject({ code: "file-not-found" });
    expect(server.asked).toHaveLength(2);
  });

  it("begins, shows, resumes and cancels a batch, and writes its output in one piece", async () => {
    const client = await open(null);
    const file = await client.send(input, state(), save);
    const { id } = await client.createBatch({ input_file_id: file, task: "mood" });
    expect(await client.batch(id)).toMatchObject({ id, status: "validating" });
    expect((await client.batches(5)).map((batch) => batch.id)).toEqual([id]);
    await client.act(id, "resume");
    expect(server.sent).toEqual([
      { kind: "plan", batch: id },
      { kind: "plan", batch: id },
    ]);
    expect(await client.act(id, "cancel")).toMatchObject({ status: "cancelling" });
    const output = outputFileId(id);
    const facts = { id: output, bytes: 2, created_at: 0, filename: "a", purpose: "batch_output" };
    const entry = { ...facts, key: dataKey(output), owner: null };
    await server.store.create(`bulk/files/${output}.json`, encodeUtf8(JSON.stringify(entry)));
    await server.store.create(dataKey(output), encodeUtf8("ok"));
    const path = join(folder.path, "out.jsonl");
    await client.download(output, path);
    expect(readFileSync(path, "utf8")).toBe("ok");
  });
});

const digest = async (text: string): Promise<string> =>
  Buffer.from(await crypto.subtle.digest("SHA-256", encodeUtf8(text))).toString("hex");
