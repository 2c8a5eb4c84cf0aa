/** What publishing asks of every bucket, run against each kind. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { PublishBucket } from "../../scripts/publish/bucket.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

export interface PublishBucketCases {
  /** Two writers of one pointer at the same moment cannot both believe that they wrote it. */
  readonly comparesAndSwaps?: boolean;
  readonly lists?: boolean;
}

export function publishBucketCases(
  name: string,
  open: () => PublishBucket,
  { comparesAndSwaps = true, lists = true }: PublishBucketCases = {},
): void {
  describe(`a bucket to publish to: ${name}`, () => {
    it("gives back a blob, and tells its size without sending it", async () => {
      const bucket = open();
      await bucket.putBlob("cases/blob", bytes("alpha"), hash("alpha"));
      expect((await bucket.get("cases/blob"))?.bytes).toEqual(bytes("alpha"));
      expect(await bucket.size("cases/blob")).toBe(5);
    });

    it("has nothing where nothing was put", async () => {
      const bucket = open();
      expect(await bucket.get("cases/none")).toBeNull();
      expect(await bucket.size("cases/none")).toBeNull();
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

    it.runIf(comparesAndSwaps)("lets exactly one of many writers win", async () => {
      const bucket = open();
      const key = "cases/race.json";
      await bucket.putIf(key, bytes("start"), null);
      const { etag } = (await bucket.get(key))!;
      const writers = Array.from({ length: 8 }, (_, i) => bucket.putIf(key, bytes(`${i}`), etag));
      const outcomes = await Promise.allSettled(writers);
      const won = outcomes.filter(({ status }) => status === "fulfilled");
      expect(won.filter((item) => "value" in item && item.value)).toHaveLength(1);
    });

    it.runIf(lists)("lists all keys under a prefix, page after page", async () => {
      const bucket = open();
      const keys = Array.from({ length: 12 }, (_, i) => `listed/${String(i).padStart(2, "0")}`);
      await Promise.all(keys.map((key) => bucket.putBlob(key, bytes(key), hash(key))));
      expect((await bucket.list("listed/")).sort()).toEqual(keys);
      expect(await bucket.list("nothing/")).toEqual([]);
    });
  });
}
