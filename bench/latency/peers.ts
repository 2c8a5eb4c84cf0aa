/** Checkpoints of random weights in the shapes of every family, each with the graph of its peer beside it. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../../src/core/errors.ts";
import { writeCheckpoint } from "../memory/checkpoint.ts";
import type { Shape } from "../memory/shapes.ts";
import { startPython } from "../python.ts";

const SCRIPT = fileURLToPath(new URL("make_peer.py", import.meta.url));
/** As the script names it. */
const PEER = "model_quantized.onnx";

/** The folder of a shape's checkpoint in `folder`. */
export const checkpointIn = (folder: string, { name }: Shape): string => join(folder, name);

/** The peer's graph in it. */
export const peerIn = (folder: string, shape: Shape): string =>
  join(checkpointIn(folder, shape), PEER);

/**
 * Writes what is missing of the shapes into `folder`. Throws InputError `python-failed` where graphs are
 * missing and there is no `python` to make them.
 */
export async function preparePeers(
  folder: string,
  shapes: readonly Shape[],
  { seed, python }: { readonly seed: number; readonly python: string | undefined },
): Promise<void> {
  const missing = shapes.filter((shape) => !existsSync(peerIn(folder, shape)));
  for (const shape of missing) {
    const checkpoint = checkpointIn(folder, shape);
    await mkdir(checkpoint, { recursive: true });
    await writeCheckpoint(checkpoint, shape, seed);
  }
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(", ");
  if (python === undefined) {
    throw new InputError(
      "python-failed",
      `${folder}: has no ${PEER} of ${names}; --python names an interpreter with torch, transformers, onnx, onnxscript and onnxruntime that makes them`,
    );
  }
  const checkpoints = missing.map((shape) => checkpointIn(folder, shape));
  const { child, ended, said } = startPython(python, [SCRIPT, ...checkpoints]);
  child.stdin.end();
  child.stdout.resume(); // what it prints would fill the pipe
  await ended;
  if (child.exitCode === 0) return;
  throw new InputError("python-failed", `${python}: could not make ${names}: ${said()}`);
}
