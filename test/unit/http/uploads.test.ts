/** Uploads whose parts go past the Worker: what may be signed, and what is left where a length is wrong. */
import { afterEach, expect, it } from "vitest";
import { dataKey, uploadKey } from "../../../src/serve/bulk/keys.ts";
import { startBulkServer } from "../../support/bulk-server.ts";
import type { BulkServer } from "../../support/bulk-server.ts";

const PART_BYTES = 1_000;
let server: BulkServer;
afterEach(() => server.close());

interface Answer {
  readonly status: number;
  readonly body: { readonly [field: string]: unknown };
}

async function post(path: string, body: object | FormData): Promise<Answer> {
  const init =
    body instanceof FormData
      ? { body }
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(`${server.url}/v1/uploads${path}`, { method: "POST", ...init });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

const begin = (bytes: number): Promise<Answer> =>
  post("", { filename: "a.jsonl", purpose: "batch", bytes, presigned: true });

async function begun(bytes: number): Promise<string> {
  server = await startBulkServer(PART_BYTES);
  return String((await begin(bytes)).body["id"]);
}

/** Sends a part of so many bytes to the bucket. */
async function putPart(id: string, number: number, bytes: number): Promise<Response> {
  const { body } = await post(`/${id}/urls`, { part_numbers: [number] });
  const [{ url } = { url: "" }] = body["data"] as { url: string }[];
  return fetch(url, { method: "PUT", body: new Uint8Array(bytes) });
}

/** The same; returns the ETag of a part that was taken. */
const sendPart = async (id: string, number: number, bytes: number): Promise<string> =>
  (await putPart(id, number, bytes)).headers.get("etag")!;

it("signs no part that the announced length has not", async () => {
  const id = await begun(2_001);
  const known = await post(`/${id}/urls`, { part_numbers: [1, 3] });
  expect(known.status).toBe(200);
  const beyond = await post(`/${id}/urls`, { part_numbers: [1, 4] });
  expect(beyond).toMatchObject({ status: 400, body: { code: "request-invalid" } });
  expect(beyond.body["detail"]).toContain("3 parts of 1000");
});

it("signs the length of each part, so that the bucket refuses any other", async () => {
  const id = await begun(2_001);
  for (const [number, bytes] of [
    [1, 1_000],
    [3, 1],
  ] as const) {
    expect((await putPart(id, number, bytes + 1)).status).toBe(403);
    expect((await putPart(id, number, bytes - 1)).status).toBe(403);
    expect((await putPart(id, number, bytes)).status).toBe(200);
  }
});

it.each([
  ["past the Worker", PART_BYTES, 10_000 * PART_BYTES],
  ["through the Worker, which joins parts of 8 MiB", null, 10_000 * 2 ** 23],
])("begins none that is longer than its parts can be: %s", async (_, partBytes, most) => {
  server = await startBulkServer(partBytes);
  expect((await begin(most)).status).toBe(200);
  const longer = await begin(most + 1);
  expect(longer).toMatchObject({ status: 413, body: { code: "upload-too-large" } });
  expect(longer.body["detail"]).toContain(`${most} are the most`);
});

it("takes no part of it through the Worker, which nothing would read", async () => {
  const id = await begun(10);
  const form = new FormData();
  form.set("data", new Blob(["0123456789"]), "part");
  const sent = await post(`/${id}/parts`, form);
  expect(sent).toMatchObject({ status: 400, body: { code: "upload-presigned" } });
});

it("leaves nothing of an upload whose parts are not as long as was announced", async () => {
  const id = await begun(1_010);
  const etag = await sendPart(id, 1, 1_000);
  const done = await post(`/${id}/complete`, { part_ids: [etag] });
  expect(done).toMatchObject({ status: 400, body: { code: "upload-incomplete" } });
  expect(done.body["detail"]).toContain("begin another upload");
  const [asked] = server.asked.filter((name) => name.startsWith("PUT "));
  const file = asked!.split("/").at(-1)!.split(" ")[0]!;
  expect(await server.store.head(dataKey(file))).toBeNull();
  expect(await server.store.head(uploadKey(id))).toBeNull();
  const again = await post(`/${id}/urls`, { part_numbers: [1] });
  expect(again.body["code"]).toBe("upload-not-found");
});
