/**
 * onnxruntime-web, unpatched, from a compiled module: as a Worker runs it, which may not compile.
 *
 * The runtime initialises once per isolate or thread and its heap never shrinks; if the first
 * initialisation fails, it refuses for the life of the isolate, so the failure is kept and reported.
 * The runtime, and a base where there is an image of it, are not initialised step by step but
 * restored (images/start.ts).
 */
import { UnavailableError } from "../../core/errors.ts";
import type { GraphFiles, Session } from "../session.ts";
import type { SessionImages } from "./encoder.ts";
import type { WasmMemory } from "./images/memory-image.ts";
import { checkSessionImage, readSessionImage, startFromImages } from "./images/start.ts";
import type { RuntimeImage, SessionImage, Started } from "./images/start.ts";
import { whileStarting } from "./instantiate.ts";
import type { ChangeExports } from "./instantiate.ts";
import { configure, sessionOptions, wrapSession } from "./session.ts";

type Ort = typeof import("onnxruntime-web/wasm");

export interface WebOptions {
  /** The compiled module of onnxruntime-web. */
  readonly module: object;
  /** Image of the started runtime; null: it is started step by step. */
  readonly image: () => RuntimeImage | null;
  /** Changes the module's exports before anything else does, for instance to watch its calls. */
  readonly watch?: ChangeExports;
}

export interface WebRuntime {
  /** Loads a graph with its external data. Throws UnavailableError `runtime-failed`. */
  createSession(files: GraphFiles): Promise<Session>;
  /** Sessions restored instead of created, in an isolate that has none yet. */
  readonly images: SessionImages;
  /** Release of onnxruntime-web, once it has been loaded. */
  readonly version: string | undefined;
}

/** Read only if a session is not restored, and then refused: the graph is loaded after that. */
const NO_GRAPH: GraphFiles = { graph: new Uint8Array(1), weights: new Map() };

/** The runtime of this isolate or thread; to be made once in it. */
export function webRuntime({ module, image, watch }: WebOptions): WebRuntime {
  /** Set once by the first load; the heap is shared by every session of the isolate. */
  let memory: WasmMemory | undefined;
  let ort: Ort | undefined;
  let loading: Promise<Ort> | undefined;
  let started: Started | undefined;
  let initialisation: "untried" | "done" | "failed" = "untried";

  async function load({ graph, weights }: GraphFiles): Promise<Session> {
    ort = await (loading ??= importRuntime());
    const session = await ort.InferenceSession.create(graph, sessionOptions(weights));
    const heapBytes = (): number => memory?.buffer.byteLength ?? 0;
    return wrapSession(session, { Tensor: ort.Tensor, heapBytes });
  }

  async function open(files: GraphFiles, session: SessionImage | null): Promise<Session> {
    if (initialisation === "failed") {
      throw new UnavailableError(
        "runtime-failed",
        "ONNX Runtime: failed to initialise in this isolate, and cannot be tried again in it",
      );
    }
    const isFirst = initialisation === "untried";
    const change: ChangeExports = (exports, found) => {
      memory = found;
      started = startFromImages(watch?.(exports, found) ?? exports, found, image(), session);
      return started.exports;
    };
    try {
      const opened = await (isFirst
        ? whileStarting(module, change, () => load(files))
        : load(files));
      initialisation = "done";
      return opened;
    } catch (cause) {
      // A bad graph leaves the runtime usable; only one that never started is lost for good.
      initialisation = isFirst && memory === undefined ? "failed" : "done";
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UnavailableError(
        "runtime-failed",
        `ONNX Runtime: cannot load the graph (${reason})`,
        { cause },
      );
    }
  }

  return {
    createSession: (files) => open(files, null),
    images: {
      fits: (runtime) => initialisation === "untried" && runtime === image()?.id,
      async restore(file, manifestSha256) {
        const found = readSessionImage(file);
        checkSessionImage(found, image()!, manifestSha256);
        return { session: await open(NO_GRAPH, found), states: found.states };
      },
      endRestore: (isKept) => started?.endRestore(isKept),
    },
    get version() {
      return ort?.env.versions.web;
    },
  };
}

async function importRuntime(): Promise<Ort> {
  // Where there is Node or its compatibility layer (the test pool forces it), this keeps ONNX
  // Runtime's loader from taking its Node branch, which Workers cannot run.
  const host = globalThis as { process?: { type?: string } };
  if (host.process) host.process.type = "renderer";
  const ort = await import("onnxruntime-web/wasm");
  configure(ort.env);
  // Any bytes will do: the loader passes them to WebAssembly.instantiate, which is replaced.
  ort.env.wasm.wasmBinary = new ArrayBuffer(8);
  return ort;
}
