/**
 * The thread that makes one image and posts it (make.ts). It runs onnxruntime-web as a Worker does,
 * with an eye on the memory and on the calls that JavaScript makes into it.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { MANIFEST } from "../../src/encoder/base.ts";
import { graphEncoder } from "../../src/engine/ort/encoder.ts";
import { checkStates } from "../../src/engine/ort/images/check.ts";
import { checksum, seal, writeImage } from "../../src/engine/ort/images/memory-image.ts";
import type { WasmExports, WasmMemory } from "../../src/engine/ort/images/memory-image.ts";
import { IMAGE_FORMAT, readRuntimeImage } from "../../src/engine/ort/images/start.ts";
import type { Before } from "../../src/engine/ort/images/start.ts";
import { webRuntime } from "../../src/engine/ort/web.ts";
import type { GraphFiles, Session } from "../../src/engine/session.ts";
import { packGraph } from "../../src/graph/encoding/pack.ts";
import { Graph } from "../../src/graph/graph.ts";
import * as ops from "../../src/graph/ops.ts";
import { readBaseFolder } from "../base/base-folder.ts";
import { sha256Hex } from "../node/hash.ts";
import { compileWebModule } from "../node/wasm-module.ts";
import { changedRuns, endOfStaticData } from "./changed-runs.ts";
import { RUNTIME_IMAGE } from "./make.ts";

/** A call into the runtime. */
interface Call {
  readonly name: string;
  readonly args: readonly number[];
  readonly result: unknown;
}

interface WatchedRuntime {
  readonly version: string;
  /** The memory when the runtime was about to be started, and the call that started it. */
  readonly before: Uint8Array;
  readonly init: Call;
  /** A copy of the memory as it is. */
  memory(): Uint8Array;
  /** Creates a session; the calls that were made for it. */
  create(
    files: GraphFiles,
  ): Promise<{ readonly session: Session; readonly calls: readonly Call[] }>;
}

/** Every 16th word of the static data tells builds apart, and is read in a millisecond. */
const CHECKED = 16;

const folder = workerData as string | null;
const image = folder === null ? runtimeImageOf(await startWatched()) : await sessionImage(folder);
parentPort!.postMessage(image, [image.buffer as ArrayBuffer]);

/** The image of the installed runtime with a base loaded, on top of the runtime's own image. */
async function sessionImage(dir: string): Promise<Uint8Array> {
  const { graphFiles, files, manifest } = await readBaseFolder(dir);
  const runtime = await startWatched();
  const { id } = readRuntimeImage(new Uint8Array(await readFile(RUNTIME_IMAGE)));
  if (readRuntimeImage(runtimeImageOf(runtime)).id !== id) {
    throw new Error(
      "runtime-image.bin: is of another onnxruntime-web than the installed one; make it anew with: npm run runtime-image",
    );
  }
  const started = runtime.memory();
  const { session, calls } = await runtime.create(graphFiles);
  const bytes = graphFiles.graph.byteLength;
  const create = calls.find(({ args }) => args.length === 3 && args[1] === bytes);
  if (create === undefined) throw new Error("session image: no call was seen to create a session");
  const loaded = runtime.memory();
  const { configuration } = manifest;
  const fields = {
    runtime: id,
    base: sha256Hex(files.get(MANIFEST)!),
    create: { name: create.name, handle: create.result },
    states: await checkStates(graphEncoder(session, configuration), configuration),
  };
  return seal(writeImage(loaded, changedRuns(started, loaded), fields));
}

function runtimeImageOf({ before, init, memory, version }: WatchedRuntime): Uint8Array {
  const after = memory();
  const runs = changedRuns(before, after);
  const compared = endOfStaticData(before);
  const state: Before = {
    memory_bytes: before.length,
    used: before.findLastIndex((byte) => byte !== 0) + 1,
    bytes: compared,
    step: CHECKED,
    checksum: checksum(before.buffer, compared, CHECKED),
  };
  const fields = {
    format: IMAGE_FORMAT,
    onnxruntime: version,
    init: { name: init.name, args: init.args },
    before: state,
  };
  const hash = createHash("sha256")
    .update(writeImage(after, runs, fields))
    .digest("hex");
  return writeImage(after, runs, { id: hash.slice(0, 16), ...fields });
}

/** Starts the runtime and has it make what all sessions share, which the first one does. */
async function startWatched(): Promise<WatchedRuntime> {
  const calls: Call[] = [];
  let start: { memory: WasmMemory; before: Uint8Array; name: string } | undefined;
  const runtime = webRuntime({
    module: await compileWebModule(),
    image: () => null,
    watch: (exports, memory) =>
      watch(exports, calls, (name) => {
        start ??= { memory, before: copyOf(memory), name };
      }),
  });
  const first = await runtime.createSession(smallestGraph());
  await first.release();

  const { memory, before, name } = start!;
  return {
    version: runtime.version!,
    before,
    init: calls.find((call) => call.name === name)!,
    memory: () => copyOf(memory),
    async create(files) {
      const from = calls.length;
      const session = await runtime.createSession(files);
      return { session, calls: calls.slice(from) };
    },
  };
}

function smallestGraph(): GraphFiles {
  const g = new Graph();
  g.output(ops.Neg(g, g.input("x", "float32", ["B"])), "y");
  return packGraph(g);
}

function copyOf({ buffer }: WasmMemory): Uint8Array {
  return Uint8Array.from(new Uint8Array(buffer));
}

/**
 * Exports that keep a list of their calls, and tell before the one that starts the runtime. Names of
 * exports change from build to build, but that is the first call with two numbers: of threads, and
 * of the log level.
 */
function watch(exports: WasmExports, calls: Call[], onStart: (name: string) => void): WasmExports {
  const watched =
    (name: string, call: (...args: number[]) => unknown) =>
    (...args: number[]): unknown => {
      if (args.length === 2) onStart(name);
      const result = call(...args);
      calls.push({ name, args, result });
      return result;
    };
  return Object.fromEntries(
    Object.entries(exports).map(([name, item]) => [
      name,
      typeof item === "function" ? watched(name, item as (...args: number[]) => unknown) : item,
    ]),
  );
}
