/** ONNX Runtime with an eye on its memory and on the calls that JavaScript makes into it. */
import type { WasmMemory } from "../../src/engine/ort/images/memory-image.ts";
import type { GraphFiles } from "../../src/engine/session.ts";
import type { WasmExports } from "../../src/engine/ort/images/start.ts";
import { Graph } from "../../src/graph/graph.ts";
import * as ops from "../../src/graph/ops.ts";
import { packGraph } from "../../src/graph/encoding/pack.ts";
import { loadWorkerRuntime } from "./worker-runtime.ts";

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

/**
 * Starts the runtime and has it make what all sessions share, which the first one does. Once a
 * process or thread.
 */
export async function startWatched(): Promise<WatchedRuntime> {
  const calls: Call[] = [];
  let start: { memory: WasmMemory; before: Uint8Array; name: string } | undefined;
  const { ort, open } = await loadWorkerRuntime((exports, memory) =>
    watch(exports, calls, (name) => {
      start ??= { memory, before: copyOf(memory), name };
    }),
  );
  const first = await open(smallestGraph());
  await first.release();

  const { memory, before, name } = start!;
  return {
    version: ort.env.versions.web!,
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
