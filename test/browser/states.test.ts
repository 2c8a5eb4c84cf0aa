/** The bundled base in Chromium: its states have the bits that were recorded in Node. */
import { expect, it } from "vitest";
import { wasmEngine } from "../../src/browser/worker/engines.ts";
import { sha256 } from "../../src/browser/worker/host.ts";
import { readBaseManifest } from "../../src/core/format/manifest.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import { piecesOf } from "../support/memory-store.ts";
import { STATES_SHA256, recordedStates } from "../support/recorded-states.ts";

/** A file of the bundled base, which the test's server has. */
const read = async (name: string): Promise<Uint8Array> =>
  new Uint8Array(await (await fetch(`/models/pocket/${name}`)).arrayBuffer());

it("computes the states that were recorded, bit for bit", async () => {
  const manifest = await readBaseManifest(await read("manifest.json"), sha256);
  const files = new Map<string, Uint8Array>();
  for (const name of manifest.weights) files.set(name, await read(name));
  const engine = await wasmEngine();
  const load = await engine.prepare({
    manifest: Promise.resolve(manifest),
    image: null,
    file: (name) => Promise.resolve(files.get(name)!),
    stream: (name) => piecesOf(files.get(name)!),
  });
  const tokenizer = createTokenizer(await read(manifest.tokenizer));
  const states = await recordedStates({ manifest }, await load(), tokenizer);
  expect(await sha256(states)).toBe(STATES_SHA256);
});
