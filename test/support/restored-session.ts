/**
 * A thread that restores the session of a base from images, as a Worker does (src/runtime/workerd.ts),
 * and posts what it answers: alone, and beside a session that was created after it.
 */
import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import type ort from "onnxruntime-web/wasm";
import { readBaseFolder } from "../../scripts/base/folder.ts";
import { RUNTIME_IMAGE } from "../../scripts/images/make-in-thread.ts";
import { loadWorkerRuntime } from "../../scripts/images/worker-runtime.ts";
import { wrapSession } from "../../src/engine/ort/session.ts";
import {
  readRuntimeImage,
  readSessionImage,
  startFromImages,
} from "../../src/engine/ort/images/start.ts";
import { hiddenStates } from "./encode.ts";
import type { TestRow } from "./encode.ts";

export interface RestoreOrder {
  readonly folder: string;
  readonly image: Uint8Array;
  readonly rows: readonly TestRow[];
}

/** Hidden states of every row. */
export interface RestoredAnswers {
  readonly restored: readonly Float32Array[];
  /** Of another session, which the same runtime has created from the graph. */
  readonly created: readonly Float32Array[];
  /** Of the restored session once more, after that. */
  readonly again: readonly Float32Array[];
  /** Calls of the function that creates sessions: only the real one counts. */
  readonly creations: number;
}

const { folder, image, rows } = workerData as RestoreOrder;
const base = await readBaseFolder(folder);
const runtimeImage = readRuntimeImage(new Uint8Array(await readFile(RUNTIME_IMAGE)));
const sessionImage = readSessionImage(image);
let creations = 0;
const { ort: runtime, open } = await loadWorkerRuntime((exports, memory) => {
  const { name } = sessionImage.create;
  const create = exports[name] as (...args: number[]) => unknown;
  const counted = (...args: number[]): unknown => {
    creations++;
    return create(...args);
  };
  return startFromImages({ ...exports, [name]: counted }, memory, runtimeImage, sessionImage);
});

const answers = (session: ort.InferenceSession): Promise<Float32Array[]> => {
  const host = { Tensor: runtime.Tensor, heapBytes: () => 0 };
  return hiddenStates(base, wrapSession(session, host), rows);
};

// No graph: whoever reads one here fails.
const session = await open({ graph: new Uint8Array(1), weights: new Map() });
const restored = await answers(session);
const created = await answers(await open(base.graphFiles));
const again = await answers(session);
const posted: RestoredAnswers = { restored, created, again, creations };
parentPort!.postMessage(posted, []);
