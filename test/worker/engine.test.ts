/** The engine of the Worker, in workerd. */
import { blobKey } from "../../src/core/format/keys.ts";
import { workerdEngine } from "../../src/engine/ort/workerd.ts";
import { engineCases } from "../cases/engine.cases.ts";
import { baseManifest, fixture, loadedBase } from "./support.ts";

for (const name of ["pocket", "pocket-fp32"] as const) {
  engineCases(`onnxruntime-web in workerd, ${name}`, {
    engine: workerdEngine,
    async base() {
      // The first base of an isolate is the one that can be restored, which another file tests.
      await loadedBase();
      const manifest = baseManifest(name);
      return { manifest, file: (file) => fixture(blobKey(manifest.files[file]!.sha256)) };
    },
    tolerance: 1e-4,
    knowsMemory: true,
  });
}
