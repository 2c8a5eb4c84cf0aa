/**
 * The seam between serving and what computes: an engine loads a base, the loaded encoder turns rows
 * into hidden states. Nothing above this file knows how: no graph, no input name, no image.
 */
import type { BaseManifest } from "../core/format/manifest.ts";
import type { Pooler } from "../core/model/head.ts";
import type { Queries, Row, States } from "../core/model/rows.ts";
import type { Tokenizer } from "../core/tokenizer/tokenizer.ts";

/** A base's encoder in memory. One run at a time: callers queue. */
export interface Encoder {
  /**
   * Runs a batch of at least one row once. The states are copies that outlive the next run. Rejects
   * with the engine's own error when the run fails; the encoder can then still be used.
   */
  encode(rows: readonly Row[], queries: Queries): Promise<States>;
  /**
   * The same run a layer at a time, by an engine that can stop there. It is plain data: any
   * request may make the next step, and a run that no request continues needs no clearing up. The
   * next run ends it; its next step then throws UnavailableError `run-failed`.
   */
  steps?(rows: readonly Row[], queries: Queries): Iterator<void, States>;
  /** Bytes of the engine's own memory, 0 where it cannot tell. Encoders of one engine may share it. */
  memoryBytes(): number;
  release(): Promise<void>;
  /** What it was loaded from, for the operator: "graph", "image" or "weights". */
  readonly loadedFrom: string;
}

/** A base as an engine reads it; every read is checked against its hash. */
export interface BaseSource {
  /** Settles when the manifest has been read. */
  readonly manifest: Promise<BaseManifest>;
  /** Reads one of the manifest's files by its name. */
  file(name: string): Promise<Uint8Array>;
  /**
   * The same piece by piece, as it arrives; a piece's memory may be used again for the next one. The
   * check follows the last piece: what was made of the
   * pieces may be used only when the iteration has ended without an error.
   */
  stream(name: string): AsyncIterable<Uint8Array>;
  /** A build of this base for one release of one engine, which loads faster; null where there is none. */
  readonly image: BaseImage | null;
}

export interface BaseImage {
  /** Identifies the release of the engine that can read it. */
  readonly runtime: string;
  /** SHA-256 of the manifest that it was made from: the base and the very graph that was loaded. */
  readonly manifestSha256: string;
  read(): Promise<Uint8Array>;
}

/** One way to compute, such as onnxruntime-web in a Worker. */
export interface Engine {
  /**
   * Reads what this engine loads the base from, and returns the function that loads it. Reading
   * changes nothing and can be tried again; loading takes memory that may never be given back, so it
   * is begun when all else of the base is known to be sound. Throws what the source throws; loading
   * also throws UnavailableError `runtime-failed`, FormatError `graph-invalid`, `weights-invalid` or
   * `engine-unsupported`, or LimitError `base-too-large` when the engine refuses the base, which it
   * would do again.
   */
  prepare(base: BaseSource): Promise<() => Promise<Encoder>>;
}

/** A base ready to answer. */
export interface LoadedBase {
  readonly manifest: BaseManifest;
  readonly tokenizer: Tokenizer;
  readonly encoder: Encoder;
  /** null where the checkpoint has none. */
  readonly pooler: Pooler | null;
  /**
   * Builds that the engine was loaded from, such as a graph or an image: SHA-256 by name. They decide
   * about answers and do not follow from the identity of the base. Absent where there are none.
   */
  readonly builds?: Readonly<Record<string, string>> | undefined;
}
