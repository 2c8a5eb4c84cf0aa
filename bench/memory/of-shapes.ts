/** Bases of random weights in the shapes of shapes.ts, and what each takes of an isolate. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeBaseFolder } from "../../scripts/base/base-folder.ts";
import { readCheckpoint } from "../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../scripts/base/convert.ts";
import { createNodeSession } from "../../scripts/node/runtime-node.ts";
import { bundleEngine } from "../served/direct.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import { measurePeak } from "./peak.ts";
import type { Peak } from "./peak.ts";
import type { Shape } from "./shapes.ts";

export interface ShapeResult extends Peak {
  readonly name: string;
  readonly parameters: number;
  readonly tables: Shape["tables"];
  /** Bytes that `peak` may have. */
  readonly allowed: number | null;
  readonly ok: boolean;
}

/** Measures the shapes by our own kernels, one after the other. */
export async function measureShapes(
  shapes: readonly Shape[],
  seed: number,
  note: (line: string) => void,
): Promise<ShapeResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "edge-prefix-shapes-"));
  const bundle = await bundleEngine("simd");
  try {
    const results: ShapeResult[] = [];
    for (const shape of shapes) {
      const { name, tables, most } = shape;
      const checkpoint = join(folder, name);
      const base = join(folder, `${name}-base`);
      note(`${name}: writing and importing random weights`);
      await mkdir(checkpoint);
      const parameters = await writeCheckpoint(checkpoint, shape, seed);
      await importInto(base, checkpoint, name, tables);
      note(`${name}: loading it in workerd`);
      const peak = await measurePeak(bundle, base);
      const allowed = most === null ? null : 1e6 * most;
      const ok = allowed === null || peak.peak <= allowed;
      results.push({ name, parameters, tables, ...peak, allowed, ok });
      await rm(checkpoint, { recursive: true });
      await rm(base, { recursive: true });
    }
    return results;
  } finally {
    await bundle.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Nothing of it stays in memory. */
async function importInto(
  base: string,
  folder: string,
  name: string,
  tables: Shape["tables"],
): Promise<void> {
  const checkpoint = await readCheckpoint(folder, "random weights");
  const options = { name, created: new Date(), openSession: createNodeSession } as const;
  await writeBaseFolder(
    base,
    await importCheckpoint(checkpoint, { ...options, dtype: "int8", tables }),
  );
}
