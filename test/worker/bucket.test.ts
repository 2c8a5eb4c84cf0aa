/** The R2 reader against the contract of every readable bucket, and against an R2 that misbehaves. */
import { describe, expect, it } from "vitest";
import { r2Bucket } from "../../src/serve/bucket/r2.ts";
import { bucketCases } from "../cases/bucket.cases.ts";
import { r2 } from "./support.ts";

bucketCases("R2", () => ({ bucket: r2Bucket(r2), put: (key, bytes) => r2.put(key, bytes) }));

/** An R2 of which every operation does the same. */
const broken = (operation: () => Promise<never>): R2Bucket =>
  ({ get: operation, list: operation }) as unknown as R2Bucket;

/** An R2 whose objects have a first piece, and then what `next` gives. */
const breaking = (next: () => Promise<never>): R2Bucket => {
  const reads = [() => Promise.resolve({ done: false, value: Uint8Array.of(1) }), next];
  const reader = {
    readAtLeast: () => reads.shift()!(),
    cancel: () => Promise.reject(new Error("gone")),
  };
  const object = { etag: "a", size: 10, body: { getReader: () => reader } };
  return { get: () => Promise.resolve(object) } as unknown as R2Bucket;
};

describe("an R2 that cannot be read", () => {
  it.each([
    ["fails", () => Promise.reject(new Error("network lost"))],
    ["stops", () => new Promise<never>(() => undefined)],
  ])("is said to be unavailable when a stream %s on its way", async (_, next) => {
    const { pieces } = (await r2Bucket(breaking(next), 1).stream("any", 10))!;
    const arrived: Uint8Array[] = [];
    const read = async (): Promise<void> => {
      for await (const piece of pieces) arrived.push(piece);
    };
    await expect(read()).rejects.toMatchObject({ code: "bucket-unavailable" });
    expect(arrived).toEqual([Uint8Array.of(1)]);
  });

  it.each([
    ["fails", () => Promise.reject(new Error("internal error (10001)"))],
    ["does not answer", () => new Promise<never>(() => undefined)],
  ])("is said to be unavailable when it %s", async (_, operation) => {
    const bucket = r2Bucket(broken(operation), 1);
    await expect(bucket.get("any", 10)).rejects.toMatchObject({ code: "bucket-unavailable" });
    await expect(bucket.stream("any", 10)).rejects.toMatchObject({ code: "bucket-unavailable" });
    await expect(bucket.list("any")).rejects.toMatchObject({ code: "bucket-unavailable" });
  });
});
