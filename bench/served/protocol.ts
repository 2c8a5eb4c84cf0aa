/** What benchmarks and the Workers of this folder say to each other; the only file that both sides read. */

export interface OverheadRequest {
  /** A sequence task in the bucket. */
  readonly task: string;
  /** Tokens of the text, special ones included. */
  readonly tokens: number;
  readonly rounds: number;
}

export interface OverheadReply {
  /** Of the ids that the session was given: batch, tokens. */
  readonly shape: readonly number[];
  /** The server-timing header of every request. */
  readonly timings: readonly string[];
  /** Milliseconds of a whole request, by round. */
  readonly request: readonly number[];
  /** Milliseconds of session.run on the same feeds, by round. */
  readonly run: readonly number[];
}
