/** The engine of a page by our own kernels, in Chromium. */
import { describe, expect, inject, it } from "vitest";
import { blobKey } from "../../src/core/format/keys.ts";
import { wasmEngine } from "../../src/browser/worker/engines.ts";
import { sha256 } from "../../src/browser/worker/host.ts";
import { engineCases } from "../cases/engine.cases.ts";
import { familyCases } from "../cases/family.cases.ts";
import { unpackRow, unpackStates } from "../worker/fixtures.ts";
import { fixture, loadedBase } from "./support.ts";

engineCases("our own kernels in Chromium", {
  engine: await wasmEngine(),
  async base() {
    const { manifest } = await loadedBase();
    return { manifest, file: (file) => fixture(blobKey(manifest.files[file]!.sha256)) };
  },
  tolerance: 0,
  knowsMemory: true,
});

describe("the same wasm in Node and in Chromium", () => {
  const references = inject("fixtures").references.filter(({ engine }) => engine === "simd");
  it.each(references.map((item) => [item.name, item] as const))(
    "gives the same bits: %s",
    async (_, { rows, queries, states }) => {
      const { encoder, manifest } = await loadedBase();
      const unpacked = await Promise.all(rows.map((row) => unpackRow(row, manifest, sha256)));
      expect(await encoder.encode(unpacked, queries)).toEqual(unpackStates(states));
    },
  );
});

familyCases("Chromium", wasmEngine);
