/** What the benchmark and its Worker say to each other; the only file that both sides read. */
import type { FeedShape } from "../../src/engine/ort/feeds.ts";

export interface RunRequest {
  /** Batch and tokens of each case. */
  readonly cases: readonly { readonly batch: number; readonly tokens: number }[];
  readonly rounds: number;
  /** What to feed each session: ours needs a shape and a prefix length, a peer only tokens. */
  readonly sessions: Readonly<
    Record<string, { shape?: FeedShape; prefixLength?: number; queries?: "first" | "all" }>
  >;
}

export interface RunReply {
  /** Milliseconds: times[case][session][round]. */
  readonly times: Record<string, number[]>[];
  /** Size of the wasm memory that all sessions of an isolate share, after the runs. */
  readonly heapBytes: number;
}

/** Batches whose rows belong to one task or to several, in turn. */
export interface MixedRequest {
  readonly session: string;
  readonly shape: FeedShape & { readonly hidden_size: number };
  readonly rows: number;
  readonly tokens: number;
  readonly labels: number;
  readonly queries: "first" | "all";
  readonly rounds: number;
  /** Prefix length of every task of a batch; rows take turns over its tasks. */
  readonly batches: readonly (readonly number[])[];
}

export interface MixedReply {
  /** Milliseconds from rows to logits: times[batch][round]. */
  readonly times: readonly (readonly number[])[];
}
