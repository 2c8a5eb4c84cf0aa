/**
 * A thread that loads a base from its image by the engine of a Worker (src/engine/ort), and posts what
 * it answers: alone, and beside a session that was created after it.
 */
import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { readBaseFolder } from "../../scripts/base/base-folder.ts";
import { sourceOf } from "../../src/encoder/loaded-base.ts";
import { RUNTIME_IMAGE } from "../../scripts/images/make.ts";
import { sha256Hex } from "../../scripts/node/hash.ts";
import { compileWebModule } from "../../scripts/node/wasm-module.ts";
import { MANIFEST } from "../../src/encoder/base.ts";
import type { Encoder } from "../../src/engine/engine.ts";
import { graphEncoder, imageEngine } from "../../src/engine/ort/encoder.ts";
import { readRuntimeImage } from "../../src/engine/ort/images/start.ts";
import { webRuntime } from "../../src/engine/ort/web.ts";
import type { GraphFiles } from "../../src/engine/session.ts";
import { encodeRows } from "./encode.ts";
import type { TestRow } from "./encode.ts";

export interface RestoreOrder {
  readonly folder: string;
  readonly image: Uint8Array;
  readonly rows: readonly TestRow[];
}

/** Hidden states of every row. */
export interface RestoredAnswers {
  readonly loadedFrom: string;
  /** Bytes of the runtime's memory after loading. */
  readonly memoryBytes: number;
  readonly loaded: readonly Float32Array[];
  /** Of another session, which the same runtime has created from the graph. */
  readonly created: readonly Float32Array[];
  /** Of the first session once more, after that. */
  readonly again: readonly Float32Array[];
  /** Sessions that were created from a graph before the second one. */
  readonly creations: number;
}

const { folder, image, rows } = workerData as RestoreOrder;
const base = await readBaseFolder(folder);
const runtimeImage = readRuntimeImage(new Uint8Array(await readFile(RUNTIME_IMAGE)));
const runtime = webRuntime({ module: await compileWebModule(), image: () => runtimeImage });
let creations = 0;
const createSession = (files: GraphFiles) => {
  creations++;
  return runtime.createSession(files);
};
const load = await imageEngine(createSession, runtime.images).prepare({
  ...sourceOf(base),
  image: {
    runtime: runtimeImage.id,
    manifestSha256: sha256Hex(base.files.get(MANIFEST)!),
    read: () => Promise.resolve(image),
  },
});

const answers = (encoder: Encoder): Promise<Float32Array[]> => encodeRows(base, encoder, rows);
const encoder = await load();
const memoryBytes = encoder.memoryBytes();
const loaded = await answers(encoder);
const second = graphEncoder(
  await runtime.createSession(base.graphFiles),
  base.manifest.configuration,
);
const created = await answers(second);
const again = await answers(encoder);
const { loadedFrom } = encoder;
const posted: RestoredAnswers = { loadedFrom, memoryBytes, loaded, created, again, creations };
parentPort!.postMessage(posted, []);
