/** All that the rest of the code sees of ONNX Runtime: one interface, implemented once per host. */
import type { Tensor } from "../core/model/tensor.ts";

/** Tensors by graph input or output name. */
export type Feeds = Record<string, Tensor>;

/** A loaded graph. One run at a time: callers queue. */
export interface Session {
  /** Runs the graph once; outputs are copies that outlive the next run. `fetches` limits what is returned. */
  run(feeds: Feeds, fetches?: readonly string[]): Promise<Record<string, Tensor>>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Bytes of the runtime's own memory (the wasm heap), 0 where the host cannot tell. */
  heapBytes(): number;
  release(): Promise<void>;
}

/** A graph file and the external data files it names. */
export interface GraphFiles {
  /** The bytes of `model.onnx`. */
  readonly graph: Uint8Array;
  /** External data by the location that the graph uses, such as `weights-0.safetensors`. */
  readonly weights: ReadonlyMap<string, Uint8Array>;
}

/** Loading a base without its graph: from an image of the runtime's memory (start.ts). */
export interface SessionImages {
  /** Whether a session can be restored here and now from an image made on runtime image `runtime`. */
  fits(runtime: string): boolean;
  /**
   * Restores the session of the base with this identity. Throws FormatError `image-invalid`, or
   * UnavailableError `runtime-failed`; a session can then still be created.
   */
  restore(image: Uint8Array, base: string): Promise<Session>;
}
