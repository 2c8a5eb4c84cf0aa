/** The engines of the Worker, in workerd. */
import { blobKey } from "../../src/core/format/keys.ts";
import { inject } from "vitest";
import { engineCases } from "../cases/engine.cases.ts";
import { fromBase64 } from "./fixtures.ts";
import type { FamilyFixture } from "./fixtures.ts";
import { ENGINES, baseManifest, fixture, loadedBase } from "./support.ts";

for (const [name, engine] of [
  ["pocket", "web"],
  ["pocket-fp32", "web"],
  ["pocket", "simd"],
] as const) {
  engineCases(`${engine} in workerd, ${name}`, {
    engine: ENGINES[engine],
    async base() {
      // The first base of an isolate is the one that can be restored, which another file tests.
      await loadedBase();
      const manifest = baseManifest(name);
      return { manifest, file: (file) => fixture(blobKey(manifest.files[file]!.sha256)) };
    },
    tolerance: engine === "simd" ? 0 : 1e-4,
    knowsMemory: true,
  });
}

// No width of its heads is a multiple of 8.
const [{ name, manifest, files }] = inject("fixtures").families as [FamilyFixture];
engineCases(`simd in workerd, ${name}`, {
  engine: ENGINES.simd,
  base: () => Promise.resolve({ manifest, file: (file) => fromBase64(files[file]!) }),
  tolerance: 0,
  knowsMemory: true,
});
