/** The engines of the Worker, in workerd. */
import { blobKey } from "../../src/core/format/keys.ts";
import { engineCases } from "../cases/engine.cases.ts";
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
