/**
 * ONNX Runtime, started as a Worker starts it, with an eye on its memory and on the calls that
 * JavaScript makes into it. Once a process or thread: it changes globals, and the runtime starts once.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type ort from "onnxruntime-web/wasm";
import type { WasmMemory } from "../../src/runtime/memory-image.ts";
import { WASM_SESSION } from "../../src/runtime/ort-session.ts";
import type { GraphFiles } from "../../src/runtime/session.ts";
import type { WasmExports } from "../../src/runtime/start.ts";
import { Graph } from "../onnx/graph.ts";
import * as ops from "../onnx/ops.ts";
import { packGraph } from "../onnx/pack.ts";

type Imports = Record<string, WasmExports>;

// Node's type settings have no WebAssembly; this is the part that is used here.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (...args: never[]) => WasmMemory;
  instantiate(module: object, imports: Imports): Promise<{ readonly exports: WasmExports }>;
};

/** A call into the runtime. */
export interface Call {
  readonly name: string;
  readonly args: readonly number[];
  readonly result: unknown;
}

export interface WatchedRuntime {
  readonly version: string;
  /** The memory when the runtime was about to be started, and the call that started it. */
  readonly before: Uint8Array;
  readonly init: Call;
  /** A copy of the memory as it is. */
  memory(): Uint8Array;
  /** Creates a session, which stays open; the calls that were made for it. */
  create(files: GraphFiles): Promise<readonly Call[]>;
}

/** Starts the runtime and has it make what all sessions share, which the first one does. */
export async function startWatched(): Promise<WatchedRuntime> {
  const require = createRequire(import.meta.url);
  const wasm = await readFile(require.resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  const module = new WebAssembly.Module(wasm);
  // As in a Worker: not the loader's branch for Node, and no language of whoever runs this.
  Object.assign(process, { type: "renderer" });
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  const { default: runtime } = await import("onnxruntime-web/wasm");

  const calls: Call[] = [];
  let start: { memory: WasmMemory; before: Uint8Array; name: string } | undefined;
  const original = WebAssembly.instantiate;
  WebAssembly.instantiate = (async (_: object, imports: Imports) => {
    const { exports } = await original(module, imports);
    const memory = memoryOf(imports);
    const watched = watch(exports, calls, (name) => {
      start ??= { memory, before: copyOf(memory), name };
    });
    return { instance: { exports: watched }, module };
  }) as unknown as typeof WebAssembly.instantiate;

  const open = async ({ graph, weights }: GraphFiles): Promise<ort.InferenceSession> =>
    runtime.InferenceSession.create(graph, {
      ...WASM_SESSION,
      externalData: [...weights].map(([path, data]) => ({ path, data })),
    });
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmBinary = new ArrayBuffer(8);
  runtime.env.logLevel = "error";
  const first = await open(smallestGraph());
  await first.release();
  WebAssembly.instantiate = original;

  const { memory, before, name } = start!;
  return {
    version: runtime.env.versions.web!,
    before,
    init: calls.find((call) => call.name === name)!,
    memory: () => copyOf(memory),
    async create(files) {
      const from = calls.length;
      await open(files);
      return calls.slice(from);
    },
  };
}

function smallestGraph(): GraphFiles {
  const g = new Graph();
  g.output(ops.Neg(g, g.input("x", "float32", ["B"])), "y");
  return packGraph(g);
}

function memoryOf(imports: Imports): WasmMemory {
  const all = Object.values(imports).flatMap((group) => Object.values(group));
  return all.find((item) => item instanceof WebAssembly.Memory) as WasmMemory;
}

const copyOf = ({ buffer }: WasmMemory): Uint8Array => Uint8Array.from(new Uint8Array(buffer));

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
