/** What the benchmark and its Worker say to each other; the only file that both sides read. */
import type { Queries } from "../../src/core/model/rows.ts";
import type { EngineName } from "../engines.ts";

/** Who runs: a base by one of our engines, or a graph of another maker by onnxruntime-web. */
export interface CreateRequest {
  readonly engine: EngineName | "plain";
}

export interface CreateReply {
  readonly ms: number;
  /** Of the wasm memory; what onnxruntime-web loads into one isolate shares one. */
  readonly memoryBytes: number;
}

/** LoRA is of rank 8, of every linear. */
export type Change = "none" | "deltas" | "lora";

/** A batch; a graph of another maker is given its tokens and nothing else. */
export interface RunCase {
  readonly rows: number;
  readonly tokens: number;
  readonly queries: Queries;
  /** Virtual tokens of every task; rows take turns over the tasks. */
  readonly prefixLengths: readonly number[];
  /** What tasks change in the encoder besides, in turn; nothing where it is left out. */
  readonly changes?: readonly Change[];
  /** Labels of each task's head; 0: the run ends at the hidden states. */
  readonly labels: number;
}

export interface RunRequest {
  readonly subjects: readonly string[];
  readonly cases: readonly RunCase[];
  readonly rounds: number;
}

export interface RunReply {
  /** Milliseconds of one run: times[case][subject][round]. */
  readonly times: readonly Readonly<Record<string, number[]>>[];
  /** As it is after the runs, by subject. */
  readonly memoryBytes: Readonly<Record<string, number>>;
}
