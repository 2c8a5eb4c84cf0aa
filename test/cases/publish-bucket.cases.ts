/** What publishing asks of every bucket, run against each kind. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { PublishBucket } from "../../scripts/publish/bucket.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const ALPHA_MD5 = "2c1743a391305fbf367df8e4f069f9f9";
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

export function publishBucketCases(name: string, open: () => PublishBucket): void {
  describe(`a bucket to publish to: ${name}`, () => {
    it("gives back a blob, and tells its size and MD5 without sending it", async () => {
      const bucket = open();
      await bucket.putBlob("cases/blob", bytes("alpha"), hash("alpha"));
      expect((await bucket.get("cases/blob"))?.bytes).toEqual(bytes("alpha"));
      // MD5 of the five letters, by coreutils' md5sum.
      expect(await bucket.stat("cases/blob")).toEqual({ bytes: 5, md5: ALPHA_MD5 });
    });

    it("has nothing where nothing was put", async () => {
      const bucket = open();
      expect(await bucket.get("cases/none")).toBeNull();
      expect(await bucket.stat("cases/none")).toBeNull();
    });

    it("writes a pointer only over the one that was read", async () => {
      const bucket = open();
      const key = "cases/pointer.json";
      expect(await bucket.putIf(key, bytes("one"), null)).toBe(true);
      expect(await bucket.putIf(key, bytes("again"), null)).toBe(false);
      const first = (await bucket.get(key))!;
      expect(await bucket.putIf(key, bytes("two"), first.etag)).toBe(true);
      expect(await bucket.putIf(key, bytes("late"), first.etag)).toBe(false);
      expect((await bucket.get(key))?.bytes).toEqual(bytes("two"));
    });

    it("writes no pointer over one that is gone", async () => {
      const bucket = open();
      await bucket.putIf("cases/other.json", bytes("x"), null);
      const { etag } = (await bucket.get("cases/other.json"))!;
      expect(await bucket.putIf("cases/gone.json", bytes("late"), etag)).toBe(false);
    });

    it("deletes an object, and does not mind one that is not there", async () => {
      const bucket = open();
      await bucket.putBlob("cases/leaving", bytes("alpha"), hash("alpha"));
      await bucket.delete("cases/leaving");
      expect(await bucket.get("cases/leaving")).toBeNull();
      expect(await bucket.list("cases/leaving")).toEqual([]);
      await bucket.delete("cases/leaving");
    });

    it("writes a pointer again where one was deleted", async () => {
      const bucket = open();
      await bucket.putIf("cases/again.json", bytes("one"), null);
      const { etag } = (await bucket.get("cases/again.json"))!;
      await bucket.delete("cases/again.json");
      expect(await bucket.putIf("cases/again.json", bytes("late"), etag)).toBe(false);
      expect(await bucket.putIf("cases/again.json", bytes("two"), null)).toBe(true);
    });

    it("lets exactly one of many writers win", async () => {
      const bucket = open();
      const key = "cases/race.json";
      await bucket.putIf(key, bytes("start"), null);
      const { etag } = (await bucket.get(key))!;
      const writers = Array.from({ length: 8 }, (_, i) => bucket.putIf(key, bytes(`${i}`), etag));
      const outcomes = await Promise.allSettled(writers);
      const won = outcomes.filter(({ status }) => status === "fulfilled");
      expect(won.filter((item) => "value" in item && item.value)).toHaveLength(1);
    });

    it("lists all keys under a prefix, page after page", async () => {
      const bucket = open();
      const keys = Array.from({ length: 12 }, (_, i) => `listed/${String(i).padStart(2, "0")}`);
      await Promise.all(keys.map((key) => bucket.putBlob(key, bytes(key), hash(key))));
      const listed = await bucket.list("listed/");
      expect(listed.map(({ key }) => key).sort()).toEqual(keys);
      for (const { bytes: size, uploaded } of listed) {
        expect(size).toBe("listed/00".length);
        expect(uploaded.getTime()).toBeGreaterThan(Date.parse("2026-01-01"));
      }
      expect(await bucket.list("nothing/")).toEqual([]);
    });
  });
}
