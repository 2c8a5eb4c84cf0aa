/** A file that is trained on in the page gives the batches that were recorded in Node, one by one. */
import { expect, it } from "vitest";
import { prepareRequest } from "../../src/browser/train/worker/prepare.ts";
import { sha256 } from "../../src/browser/worker/host.ts";
import { readBaseManifest } from "../../src/core/format/manifest.ts";
import { tokenizerOf } from "../../src/encoder/loaded-base.ts";
import { BATCHES, BATCH_REQUEST, batchesOf } from "../support/recorded-batches.ts";

/** A file of the bundled base, which the test's server has. */
const read = async (name: string): Promise<Uint8Array> =>
  new Uint8Array(await (await fetch(`/models/pocket/${name}`)).arrayBuffer());

it("makes the batches of Node", async () => {
  const manifest = await readBaseManifest(await read("manifest.json"), sha256);
  const { tokenizer } = manifest;
  const base = { manifest, files: new Map([[tokenizer, await read(tokenizer)]]) };
  const prepared = await prepareRequest(BATCH_REQUEST, base, () => undefined);
  const batches = await batchesOf(prepared, tokenizerOf(base), sha256);
  expect(batches).toEqual(BATCHES);
});
