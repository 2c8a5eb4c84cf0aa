/** `verify`: a folder on a base folder needs no bucket; a base's session image is checked byte for byte. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sessionImages } from "../../../scripts/images/make.ts";
import { sha256Hex } from "../../../scripts/node/hash.ts";
import { checkImage } from "../../../scripts/publish/check-image.ts";
import { fetchPublishedBase, publishBase } from "../../../scripts/publish/publish-base.ts";
import type { ImageMaker } from "../../../scripts/publish/publish-base.ts";
import { blobKey } from "../../../src/core/format/keys.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { runCli } from "../../support/child.ts";
import { temporaryFolder, writeTaskFolder } from "../../support/folders.ts";
import { createMemoryBucket } from "../../support/memory-bucket.ts";
import type { MemoryBucket } from "../../support/memory-bucket.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";

const wait = (): Promise<void> => Promise.resolve();
const root = temporaryFolder("verify");
const inRoot = (...path: string[]): string => join(root.path, ...path);
let base: Base;

beforeAll(async () => {
  base = await writeTinyBase(inRoot("base"), { dtype: "int8", seed: 1 });
  writeTaskFolder(inRoot("mood"), base.manifest);
  mkdirSync(inRoot("empty"));
});
afterAll(() => root.remove());

describe("a task folder with --base", () => {
  // In a folder without a wrangler.toml there is no bucket to open.
  const verify = (baseDir: string) =>
    runCli(["verify", inRoot("mood"), "--base", baseDir], { cwd: inRoot("empty") });

  it("is verified without any bucket", async () => {
    const { code, stdout, stderr } = await verify(inRoot("base"));
    expect({ code, stdout }, stderr).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^mood \w{12}: ok\n$/) as string,
    });
    expect(existsSync(inRoot("empty", ".wrangler"))).toBe(false);
  });

  it("is refused on another base than its own", async () => {
    await writeTinyBase(inRoot("other"), { dtype: "int8", seed: 2 });
    const { code, stdout } = await verify(inRoot("other"));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^mood \w{12}: error \[prefix-base-mismatch\]: /);
  });
});

describe("the session image of a base in the bucket", () => {
  let bucket: MemoryBucket;
  let images: ImageMaker;
  beforeEach(async () => {
    bucket = createMemoryBucket();
    images = await sessionImages();
  });
  const check = async () => {
    return checkImage(bucket, await fetchPublishedBase(bucket, "tiny"), base, images);
  };
  const push = (made: ImageMaker | undefined) =>
    publishBase(bucket, inRoot("base"), { wait, images: made });

  it("is good when this release makes the same", async () => {
    await push(images);
    expect(await check()).toBe("good");
  });

  it("is good for a folder of the same files whose manifest has other bytes", async () => {
    await push(images);
    const manifest = encodeUtf8(JSON.stringify(base.manifest));
    const again = { files: new Map(base.files).set("manifest.json", manifest) };
    const published = await fetchPublishedBase(bucket, "tiny");
    expect(await checkImage(bucket, published, again, images)).toBe("good");
  });

  it("is refused with one flipped byte under a hash of its own", async () => {
    const flipped = async (folder: string): Promise<Uint8Array> => {
      const bytes = (await images.make(folder))!;
      return bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1);
    };
    await push({ runtime: images.runtime, make: flipped });
    await expect(check()).rejects.toMatchObject({ code: "image-mismatch" });
  });

  it("is refused when its blob is damaged or missing", async () => {
    await push(images);
    const { pointer } = await fetchPublishedBase(bucket, "tiny");
    const key = blobKey(pointer.session_image!.sha256);
    const stored = bucket.objects.get(key)!;
    const damaged = stored.bytes.with(9, stored.bytes[9]! ^ 1);
    expect(sha256Hex(damaged)).not.toBe(pointer.session_image!.sha256);
    bucket.objects.set(key, { ...stored, bytes: damaged });
    await expect(check()).rejects.toMatchObject({ code: "file-hash-mismatch" });
    bucket.objects.delete(key);
    await expect(check()).rejects.toMatchObject({ code: "blob-corrupt" });
  });

  it("is named as what it is where there is none, or another release made it", async () => {
    await push(undefined);
    expect(await check()).toBe("none");
    await push({ runtime: "0123456789abcdef", make: () => Promise.resolve(new Uint8Array(100)) });
    expect(await check()).toBe("other-runtime");
  });
});
