/** What every readable bucket must do, run against each of them. */
import { describe, expect, it } from "vitest";
import type { Bucket, ListPage, ListedObject } from "../../src/serve/bucket/bucket.ts";

export interface BucketUnderTest {
  readonly bucket: Bucket;
  put(key: string, bytes: Uint8Array): void | Promise<unknown>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const keysOf = (listed: readonly ListedObject[]): string[] => listed.map(({ key }) => key);

export function bucketCases(name: string, open: () => BucketUnderTest): void {
  describe(`a readable bucket: ${name}`, () => {
    it("gives back what was put, and null for what was not", async () => {
      const { bucket, put } = open();
      await put("cases/a", bytes("alpha"));
      expect(await bucket.get("cases/a", 5)).toMatchObject({ bytes: bytes("alpha") });
      expect(await bucket.get("cases/none", 5)).toBeNull();
    });

    it("says that an object is unchanged, until it changes", async () => {
      const { bucket, put } = open();
      await put("cases/b", bytes("one"));
      const first = await bucket.get("cases/b", 10);
      if (first === null || first === "unchanged") throw new Error("no object");
      expect(await bucket.get("cases/b", 10, first.etag)).toBe("unchanged");
      await put("cases/b", bytes("two"));
      expect(await bucket.get("cases/b", 10, first.etag)).toMatchObject({ bytes: bytes("two") });
    });

    it("knows no etag of an object that is not there", async () => {
      const { bucket } = open();
      expect(await bucket.get("cases/none", 10, "0123456789abcdef0123456789abcdef")).toBeNull();
    });

    it("refuses an object that is larger than the reader allows", async () => {
      const { bucket, put } = open();
      await put("cases/c", new Uint8Array(101));
      await expect(bucket.get("cases/c", 100)).rejects.toMatchObject({ code: "object-too-large" });
    });

    it("streams an object's pieces in order, and null for what was not put", async () => {
      const { bucket, put } = open();
      for (const size of [0, 1, 131_072, 300_000]) {
        const object = Uint8Array.from({ length: size }, (_, i) => i % 251);
        await put("cases/d", object);
        const { pieces } = (await bucket.stream("cases/d", 300_000))!;
        const read = new Uint8Array(size);
        let at = 0;
        for await (const piece of pieces) {
          read.set(piece, at);
          at += piece.byteLength;
        }
        expect(at).toBe(size);
        expect(read).toEqual(object);
      }
      expect(await bucket.stream("cases/none", 5)).toBeNull();
    });

    it("streams nothing of an object that is larger than the reader allows", async () => {
      const { bucket, put } = open();
      await put("cases/e", new Uint8Array(101));
      const asked = bucket.stream("cases/e", 100);
      await expect(asked).rejects.toMatchObject({ code: "object-too-large" });
    });

    it("goes on after a stream that was left early", async () => {
      const { bucket, put } = open();
      await put("cases/f", new Uint8Array(300_000));
      for await (const piece of (await bucket.stream("cases/f", 300_000))!.pieces) {
        if (piece.byteLength > 0) break;
      }
      expect(await bucket.get("cases/f", 300_000)).toMatchObject({
        bytes: new Uint8Array(300_000),
      });
    });

    it("lists the tasks under a prefix in order, all of them", async () => {
      const { bucket, put } = open();
      const keys = Array.from({ length: 30 }, (_, i) => `tasks/all-${10 + i}.json`);
      for (const key of keys.toReversed()) await put(key, bytes("x"));
      await put("tasks/other.json", bytes("x"));
      expect(keysOf(await bucket.list("tasks/all-"))).toEqual(keys);
    });

    it("lists etags by which a reader knows what it has, or none", async () => {
      const { bucket, put } = open();
      await put("tasks/etag.json", bytes("one"));
      const read = await bucket.get("tasks/etag.json", 10);
      if (read === null || read === "unchanged") throw new Error("no object");
      const [listed] = await bucket.list("tasks/etag");
      expect(listed?.key).toBe("tasks/etag.json");
      expect([read.etag, null]).toContain(listed?.etag);
    });

    it("lists a page of them, after a key", async () => {
      const { bucket, put } = open();
      for (const letter of "abcdef") await put(`tasks/page-${letter}.json`, bytes("x"));
      const page = async (how: ListPage): Promise<string[]> =>
        keysOf(await bucket.list("tasks/page-", how));
      expect(await page({ limit: 2 })).toEqual(["tasks/page-a.json", "tasks/page-b.json"]);
      const next = ["tasks/page-c.json", "tasks/page-d.json", "tasks/page-e.json"];
      expect(await page({ after: "tasks/page-b.json", limit: 3 })).toEqual(next);
      expect(await page({ after: "tasks/page-e.json" })).toEqual(["tasks/page-f.json"]);
    });
  });
}
