/** What benchmarks and the Workers of this folder say to each other; the only file that both sides read. */

export interface OverheadRequest {
  /** A sequence task in the bucket. */
  readonly task: string;
  /** Tokens of the text, special ones included. */
  readonly tokens: number;
  readonly rounds: number;
}

export interface OverheadReply {
  /** Of the rows that the encoder was given: batch, tokens. */
  readonly shape: readonly number[];
  /** The server-timing header of every request. */
  readonly timings: readonly string[];
  /** Milliseconds of a whole request, by round. */
  readonly request: readonly number[];
  /** Milliseconds of the encoder on its rows, by round. */
  readonly run: readonly number[];
}

/** A text for a task in the bucket. */
export interface ColdTask {
  readonly text: string;
  readonly task: string;
}

/** A text for a plain ONNX file and a tokenizer.json, by their keys in the bucket. */
export interface ColdGraph {
  readonly text: string;
  readonly graph: string;
  readonly tokenizer: string;
}

/** Milliseconds of the steps of a first answer; their sum is all of it. */
export interface ColdReply {
  /** Until the encoder's files are there and checked, and the tokenizer is made. */
  readonly fetch: number;
  /** The runtime and the encoder. */
  readonly create: number;
  /** From there to the answer: the task's files, the text, the run. */
  readonly run: number;
}
