/**
 * A graph that ONNX Runtime has loaded: one interface, implemented once per host. Training runs its
 * graphs through it; serving sees an Encoder instead (engine.ts).
 */
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
