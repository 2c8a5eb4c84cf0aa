/** Uploads: what may be signed, what a second call answers, and what is left of one that fails or is cancelled. */
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

async function begun(bytes: number, partBytes: number | null = PART_BYTES): Promise<string> {
  server = await startBulkServer(partBytes);
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

/** Sends ten bytes through the Worker. */
function postPart(id: string): Promise<Answer> {
  const form = new FormData();
  form.set("data", new Blob(["0123456789"]), "part");
  return post(`/${id}/parts`, form);
}

const isKept = (pattern: RegExp): boolean =>
  [...server.store.objects.keys()].some((key) => pattern.test(key));

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
  const sent = await postPart(id);
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

it.each([
  ["past the Worker", PART_BYTES],
  ["through the Worker", null],
])("answers again as at first when it was joined: %s", async (_, partBytes) => {
  const id = await begun(10, partBytes);
  const part = partBytes ? await sendPart(id, 1, 10) : (await postPart(id)).body["id"];
  const first = await post(`/${id}/complete`, { part_ids: [part] });
  expect(first).toMatchObject({ status: 200, body: { status: "completed", file: { bytes: 10 } } });
  expect(await post(`/${id}/complete`, { part_ids: [part] })).toEqual(first);
  expect(isKept(/part_/)).toBe(false);
  for (const route of ["urls", "cancel"]) {
    const late = await post(`/${id}/${route}`, { part_numbers: [1] });
    expect(late).toMatchObject({ status: 404, body: { code: "upload-not-found" } });
  }
  expect(isKept(/bulk\/data/)).toBe(true);
});

it("leaves nothing of an upload that was joined without becoming a file, when it is cancelled", async () => {
  const id = await begun(10);
  const etag = await sendPart(id, 1, 10);
  server.store.before = (operation, key) => {
    if (operation === "create" && key.startsWith("bulk/files/")) throw new Error("no answer");
  };
  expect((await post(`/${id}/complete`, { part_ids: [etag] })).status).toBe(500);
  expect(isKept(/bulk\/data/)).toBe(true);
  const cancelled = await post(`/${id}/cancel`, {});
  expect(cancelled.body).toMatchObject({ status: "cancelled", not_deleted: null });
  expect(server.store.objects.size).toBe(0);
});

it("is cancelled without the credentials of its parts, and says that those are left", async () => {
  const id = await begun(10);
  await sendPart(id, 1, 10);
  server.hasCredentials = false;
  const more = await post(`/${id}/urls`, { part_numbers: [1] });
  expect(more).toMatchObject({ status: 400, body: { code: "upload-not-presigned" } });
  expect(more.body["detail"]).toContain("no credentials of S3 any more");
  const { status, body } = await post(`/${id}/cancel`, {});
  expect({ status, body }).toMatchObject({ status: 200, body: { status: "cancelled" } });
  expect(body["not_deleted"]).toContain("parts in the bucket");
  expect(server.store.objects.size).toBe(0);
});
