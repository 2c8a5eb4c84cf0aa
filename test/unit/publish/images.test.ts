/**
 * Session images in the bucket: what a push stores beside a base, and when it stores it again. The
 * images are any bytes here, but for one that is real.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { imagesFor, sessionImages } from "../../../scripts/images/make.ts";
import { sha256Hex } from "../../../scripts/node/hash.ts";
import {
  isBasePublished,
  publishBase,
  readManifestOfBase,
} from "../../../scripts/publish/publish-base.ts";
import type { ImageMaker, PublishedBase } from "../../../scripts/publish/publish-base.ts";
import { seed } from "../../../scripts/publish/seed.ts";
import { baseKey, blobKey } from "../../../src/core/format/keys.ts";
import { readBasePointer } from "../../../src/core/format/pointer.ts";
import type { BasePointer } from "../../../src/core/format/pointer.ts";
import { readSessionImage } from "../../../src/engine/ort/images/start.ts";
import { temporaryFolder, writePaperBase } from "../../support/folders.ts";
import { createMemoryBucket } from "../../support/memory-bucket.ts";
import type { MemoryBucket } from "../../support/memory-bucket.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";

const wait = (): Promise<void> => Promise.resolve();
const [OLD, NEW] = ["0".repeat(16), "1".repeat(16)];
const KEY = baseKey("paper");

let root: ReturnType<typeof temporaryFolder>;
let folder: string;
let bucket: MemoryBucket;
/** Folders that images were asked for, in order. */
let asked: string[];

beforeEach(async () => {
  root = temporaryFolder("publish-images");
  folder = join(root.path, "base");
  await writePaperBase(folder);
  bucket = createMemoryBucket();
  asked = [];
});
afterEach(() => root.remove());

/** The image that a Worker with runtime image `runtime` would start from, as far as a bucket sees. */
const imageOf = (runtime: string): Uint8Array => Buffer.from(`image on ${runtime}`);

const makerFor = (runtime: string, image: Uint8Array | null = imageOf(runtime)): ImageMaker => ({
  runtime,
  make(of) {
    asked.push(of);
    return Promise.resolve(image);
  },
});

const push = (images?: ImageMaker): Promise<PublishedBase> =>
  publishBase(bucket, folder, { wait, images });

const isPublished = async (runtime?: string): Promise<boolean> =>
  isBasePublished(bucket, await readManifestOfBase(folder), runtime);

const pointer = (key = KEY): BasePointer => readBasePointer(bucket.objects.get(key)!.bytes, key);

describe("pushing a base with its session image", () => {
  it("stores the image as a blob, and names it in the pointer with its runtime", async () => {
    const plain = await push();
    bucket = createMemoryBucket();
    const { uploaded, isChanged } = await push(makerFor(OLD));
    expect([uploaded, isChanged]).toEqual([plain.uploaded + 1, true]);
    expect(asked).toEqual([folder]);
    const image = imageOf(OLD);
    const hash = sha256Hex(image);
    expect(pointer().session_image).toEqual({ runtime: OLD, sha256: hash, bytes: image.length });
    expect(Buffer.compare(bucket.objects.get(blobKey(hash))!.bytes, image)).toBe(0);
    expect(await isPublished(OLD)).toBe(true);
  });

  it("has one for a Worker by onnxruntime-web alone", async () => {
    expect(await imagesFor(undefined)).toBeUndefined();
    expect(await imagesFor("simd")).toBeUndefined();
    expect((await imagesFor("onnxruntime"))?.runtime).toBe((await sessionImages()).runtime);
  });

  it("changes nothing when it is done again", async () => {
    await push(makerFor(OLD));
    const before = new Map(bucket.objects);
    expect(await push(makerFor(OLD))).toMatchObject({ uploaded: 0, isChanged: false });
    expect(new Map(bucket.objects)).toEqual(before);
  });

  it("keeps the image of a base that is pushed again without one, but not of another", async () => {
    await push(makerFor(OLD));
    expect(await push()).toMatchObject({ uploaded: 0, isChanged: false });
    expect(await isPublished(OLD)).toBe(true);
    await writePaperBase(folder, { seed: 2 });
    expect(await push()).toMatchObject({ isChanged: true });
    expect(pointer().session_image).toBeNull();
  });

  it("moves the pointer to another runtime's image, even where the bytes are the same", async () => {
    await push(makerFor(OLD));
    expect(await isPublished(NEW)).toBe(false);
    expect(await push(makerFor(NEW))).toMatchObject({ uploaded: 1, isChanged: true });
    expect(pointer().session_image).toMatchObject({
      runtime: NEW,
      sha256: sha256Hex(imageOf(NEW)),
    });
    expect([await isPublished(OLD), await isPublished(NEW)]).toEqual([false, true]);

    expect(await push(makerFor(OLD, imageOf(NEW)))).toMatchObject({ uploaded: 0, isChanged: true });
    expect(await isPublished(OLD)).toBe(true);
  });

  it("stores the image before the pointer names it, wherever the push dies", async () => {
    /** Of every death and the life at the end, whether the pointer names an image that is there. */
    const outcomes: (boolean | null)[] = [];
    let isDone = false;
    for (let step = 0; !isDone; step++) {
      const dying = createMemoryBucket();
      let operations = 0;
      dying.before = () => {
        if (operations++ >= step) throw new Error("the process is gone");
      };
      isDone = await publishBase(dying, folder, { wait, images: makerFor(OLD) }).then(
        () => true,
        () => false,
      );
      const written = dying.objects.get(KEY);
      const image = written && readBasePointer(written.bytes, KEY).session_image!;
      outcomes.push(image ? dying.objects.has(blobKey(image.sha256)) : null);
    }
    expect(new Set(outcomes)).toEqual(new Set([null, true]));
    expect(outcomes.at(-1)).toBe(true);
  });

  it("writes nothing that names the base when its image cannot be made", async () => {
    const images: ImageMaker = { runtime: OLD, make: () => Promise.reject(new Error("no graph")) };
    await expect(push(images)).rejects.toThrow("no graph");
    expect(bucket.objects.has(KEY)).toBe(false);
  });

  it("is a push without one for a base that has none", async () => {
    await push(makerFor(OLD, null));
    expect(pointer()).toMatchObject({ session_image: null, no_image_on: OLD });
    expect([await isPublished(), await isPublished(OLD)]).toEqual([true, true]);
    expect(await isPublished(NEW)).toBe(false);
    expect(await push(makerFor(OLD, null))).toMatchObject({ uploaded: 0, isChanged: false });
  });

  it("stores what the installed runtime makes of the base that is pushed", async () => {
    const tiny = join(root.path, "tiny");
    const { files } = await writeTinyBase(tiny, { dtype: "fp32", seed: 1 });
    const images = await sessionImages();
    await publishBase(bucket, tiny, { wait, images });
    const ref = pointer(baseKey("tiny")).session_image!;
    const { bytes } = bucket.objects.get(blobKey(ref.sha256))!;
    expect(bytes.byteLength).toBe(ref.bytes);
    expect(readSessionImage(bytes)).toMatchObject({
      base: sha256Hex(files.get("manifest.json")!),
      runtime: images.runtime,
    });
  });
});

describe("a base in the bucket", () => {
  it("is whole when no image is asked for, with one or without", async () => {
    await push();
    expect([await isPublished(), await isPublished(OLD)]).toEqual([true, false]);
    await push(makerFor(OLD));
    expect([await isPublished(), await isPublished(OLD)]).toEqual([true, true]);
  });

  it.each<[string, (key: string) => unknown]>([
    ["is gone", (key) => bucket.objects.delete(key)],
    ["is cut off", (key) => bucket.objects.set(key, { bytes: new Uint8Array(3), etag: "cut" })],
  ])("is not whole when its image %s, and is repaired by a push", async (_, damage) => {
    await push(makerFor(OLD));
    damage(blobKey(pointer().session_image!.sha256));
    expect(await isPublished(OLD)).toBe(false);
    expect(await push(makerFor(OLD))).toMatchObject({ uploaded: 1, isChanged: false });
    expect(await isPublished(OLD)).toBe(true);
  });

  it("whose pointer was written before there were images has none, and gets one", async () => {
    await push();
    const { session_image: _, no_image_on: __, ...older } = pointer();
    bucket.objects.set(KEY, { bytes: Buffer.from(JSON.stringify(older)), etag: "older" });
    expect(pointer()).toEqual({ ...older, session_image: null, no_image_on: null });
    expect([await isPublished(), await isPublished(OLD)]).toEqual([true, false]);
    expect(await push()).toMatchObject({ isChanged: false });
    expect(await push(makerFor(OLD))).toMatchObject({ uploaded: 1, isChanged: true });
    expect(pointer().manifest).toBe(
      `sha256:${sha256Hex(readFileSync(join(folder, "manifest.json")))}`,
    );
  });
});

describe("seeding with session images", () => {
  const seedWith = async (images: ImageMaker): Promise<string[]> => {
    const lines: string[] = [];
    await seed(bucket, folder, [], (line) => lines.push(line), images);
    return lines;
  };

  it("has an image made once for every runtime, not in every start", async () => {
    expect(await seedWith(makerFor(OLD))).toEqual([expect.stringMatching(/^storing base paper@/)]);
    expect(await seedWith(makerFor(OLD))).toEqual([]);
    expect(asked).toEqual([folder]);
    expect(await seedWith(makerFor(NEW))).toEqual([expect.stringMatching(/^storing base paper@/)]);
    expect(asked).toEqual([folder, folder]);
    expect(pointer().session_image?.runtime).toBe(NEW);
  });

  it("tries once for every runtime with a base that is too large for an image", async () => {
    const storing = expect.stringMatching(/^storing base paper@/) as string;
    expect(await seedWith(makerFor(OLD, null))).toEqual([storing]);
    expect(await seedWith(makerFor(OLD, null))).toEqual([]);
    expect(asked).toEqual([folder]);
    expect(await seedWith(makerFor(NEW))).toEqual([storing]);
    expect(pointer()).toMatchObject({ session_image: { runtime: NEW }, no_image_on: null });
  });
});
