/** Publishing a base: its files, its manifest, and what becomes of its tasks when it changes. */
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256Hex } from "../../../scripts/node/hash.ts";
import { fetchBase } from "../../../scripts/publish/fetch-base.ts";
import {
  fetchBaseManifest,
  isBasePublished,
  publishBase,
  readManifestOfBase,
} from "../../../scripts/publish/publish-base.ts";
import { publishTask } from "../../../scripts/publish/publish-task.ts";
import { blobKey } from "../../../src/core/format/keys.ts";
import { writePaperBase } from "../../support/folders.ts";
import { startPublishing, wait } from "../../support/publishing.ts";
import type { Publishing } from "../../support/publishing.ts";

let { bucket, base, inRoot, version, remove } = {} as Publishing;
beforeEach(async () => {
  ({ bucket, base, inRoot, version, remove } = await startPublishing("publish-base"));
});
afterEach(() => remove());

describe("pushing a base", () => {
  it("can be downloaded again as a whole folder, its manifest included", async () => {
    const { files } = await fetchBase(bucket, "paper");
    const own = readdirSync(inRoot("base")).filter((name) => name !== "CARD.md");
    expect([...files.keys()].toSorted()).toEqual(own.toSorted());
    for (const name of own) {
      expect(sha256Hex(files.get(name)!), name).toBe(sha256Hex(readFileSync(inRoot("base", name))));
    }
  });

  it("is recognised afterwards by its hashes, file by file", async () => {
    const folder = await readManifestOfBase(inRoot("base"));
    expect(await isBasePublished(bucket, folder)).toBe(true);
    expect((await fetchBaseManifest(bucket, "paper")).identity).toBe(base.identity);
    const shard = base.files["weights-0.safetensors"];
    bucket.objects.delete(blobKey(shard?.sha256 ?? ""));
    expect(await isBasePublished(bucket, folder)).toBe(false);
  });

  it("repairs a file that was damaged in the bucket", async () => {
    const key = blobKey(base.files["weights-0.safetensors"]?.sha256 ?? "");
    const { bytes } = bucket.objects.get(key)!;
    bucket.objects.set(key, { bytes: bytes.with(9, bytes[9]! ^ 1), etag: "damaged" });
    expect(await publishBase(bucket, inRoot("base"), { wait })).toMatchObject({ uploaded: 1 });
    expect(bucket.objects.get(key)?.bytes).toEqual(bytes);
  });

  it("refuses a folder whose file is not what its manifest says", async () => {
    writeFileSync(inRoot("base", "weights-0.safetensors"), new Uint8Array(1000));
    await expect(publishBase(bucket, inRoot("base"), { wait })).rejects.toMatchObject({
      code: "file-hash-mismatch",
    });
  });

  it("says which file of a base folder is missing", async () => {
    rmSync(inRoot("base", "weights-0.safetensors"));
    await expect(publishBase(bucket, inRoot("base"), { wait })).rejects.toMatchObject({
      code: "base-incomplete",
      message: expect.stringContaining("weights-0.safetensors"),
    });
  });

  it("refuses a manifest whose identity was edited", async () => {
    const edited = { ...base, identity: "0".repeat(64) };
    writeFileSync(inRoot("base", "manifest.json"), JSON.stringify(edited));
    await expect(publishBase(bucket, inRoot("base"), { wait })).rejects.toMatchObject({
      code: "base-manifest-invalid",
    });
  });
});

describe("a base whose graph was improved", () => {
  it("is pushed under the same identity, and its tasks go on", async () => {
    const folder = version(1);
    await publishTask(bucket, folder, { wait });
    const before = await readManifestOfBase(inRoot("base"));
    const improved = await writePaperBase(inRoot("base"), { graph: "a better graph" });
    expect(improved.identity).toBe(base.identity);
    expect(await isBasePublished(bucket, await readManifestOfBase(inRoot("base")))).toBe(false);

    const result = await publishBase(bucket, inRoot("base"), { wait });
    expect(result).toMatchObject({ identity: base.identity, isChanged: true, uploaded: 2 });
    const served = await fetchBaseManifest(bucket, "paper");
    expect(served.files["model.onnx"]).not.toEqual(before.manifest.files["model.onnx"]);
    expect(await publishTask(bucket, folder, { wait })).toMatchObject({ isChanged: false });
    expect(await publishTask(bucket, version(2), { wait })).toMatchObject({ isChanged: true });
  });

  it("is another base where a weight was changed, too, which its tasks refuse", async () => {
    await publishTask(bucket, version(1), { wait });
    await writePaperBase(inRoot("changed"), { seed: 2 });
    await publishBase(bucket, inRoot("changed"), { wait });
    await expect(publishTask(bucket, version(2), { wait })).rejects.toMatchObject({
      code: "prefix-base-mismatch",
    });
  });
});

describe("the manifest of a base in the bucket", () => {
  it("is refused when its bytes are not those that the pointer names", async () => {
    const { bytes } = await readManifestOfBase(inRoot("base"));
    const key = blobKey(sha256Hex(bytes));
    const edited = Buffer.from(bytes).toString().replace('"created":"2026', '"created":"2025');
    bucket.objects.set(key, { bytes: Buffer.from(edited), etag: "damaged" });
    await expect(fetchBaseManifest(bucket, "paper")).rejects.toMatchObject({
      code: "file-hash-mismatch",
    });
  });
});
