/** Makes the two images that a Worker starts from (src/runtime/start.ts). */
import { createHash } from "node:crypto";
import { checksum, writeImage } from "../../src/engine/ort/images/memory-image.ts";
import { readRuntimeImage } from "../../src/engine/ort/images/start.ts";
import type { Before } from "../../src/engine/ort/images/start.ts";
import { sha256Hex } from "../node/hash.ts";
import { MANIFEST } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { changedRuns, endOfStaticData } from "./changed-runs.ts";
import { startWatched } from "./watched-runtime.ts";
import type { WatchedRuntime } from "./watched-runtime.ts";

/** Every 16th word of the static data tells builds apart, and is read in a millisecond. */
const CHECKED = 16;

/** The image of the installed ONNX Runtime, started. */
export const makeRuntimeImage = async (): Promise<Uint8Array> => imageOf(await startWatched());

/**
 * The image of the installed ONNX Runtime with a base loaded, on top of the runtime's own image.
 * Throws Error when `runtimeImage` is not of the installed version.
 */
export async function makeSessionImage(
  { graphFiles, files }: Pick<Base, "graphFiles" | "files">,
  runtimeImage: Uint8Array,
): Promise<Uint8Array> {
  const runtime = await startWatched();
  const { id } = readRuntimeImage(runtimeImage);
  if (readRuntimeImage(imageOf(runtime)).id !== id) {
    throw new Error(
      "src/runtime/runtime-image.bin: is of another onnxruntime-web than the installed one; make it anew with: npm run runtime-image",
    );
  }
  const started = runtime.memory();
  const calls = await runtime.create(graphFiles);
  const bytes = graphFiles.graph.byteLength;
  const create = calls.find(({ args }) => args.length === 3 && args[1] === bytes);
  if (create === undefined) throw new Error("session image: no call was seen to create a session");
  const loaded = runtime.memory();
  return writeImage(loaded, changedRuns(started, loaded), {
    runtime: id,
    base: sha256Hex(files.get(MANIFEST)!),
    create: { name: create.name, handle: create.result },
  });
}

function imageOf({ before, init, memory, version }: WatchedRuntime): Uint8Array {
  const after = memory();
  const runs = changedRuns(before, after);
  const compared = endOfStaticData(before);
  const state: Before = {
    memory_bytes: before.length,
    bytes: compared,
    step: CHECKED,
    checksum: checksum(before.buffer, compared, CHECKED),
  };
  const fields = {
    onnxruntime: version,
    init: { name: init.name, args: init.args },
    before: state,
  };
  const hash = createHash("sha256")
    .update(writeImage(after, runs, fields))
    .digest("hex");
  return writeImage(after, runs, { id: hash.slice(0, 16), ...fields });
}
