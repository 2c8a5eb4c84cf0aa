/**
 * Whether a request is worth beginning: its work and the work before it, in milliseconds, against
 * its deadline, its share of a core and the isolate's memory. What cannot be done in time is refused
 * at once, so that a caller can go elsewhere and what was admitted is answered.
 *
 * What a token costs is measured, and the clock decides how. In a deployed Worker it shows when the
 * last event came in (a request, a timer, bytes of a body) and stands still while anything is
 * computed: two reads around a run differ by nothing. So a sample begins with the event in which a
 * run starts and ends with the first event after it, which a waiting request gets from a timer of
 * 0 ms. What happened between the two events, other requests being parsed included, is in the
 * sample; that is the price of a token under the present load, which is what a forecast needs. Until
 * there are samples, a configured guess stands for them.
 */
import { LimitError, OverloadedError, UnavailableError } from "../../core/errors.ts";

/** What a request would add, and what comes before it. */
export interface Demand {
  /** Tokens of all its rows. */
  readonly tokens: number;
  /** Tokens of its longest row. */
  readonly longestRow: number;
  /** Tokens that take their turn before its last row. */
  readonly tokensAhead: number;
  /** Milliseconds until its deadline. */
  readonly msLeft: number;
  readonly hiddenSize: number;
}

export interface Admission {
  /**
   * Throws LimitError `request-too-expensive` when the request alone is too much, OverloadedError
   * `overloaded` when too much comes before it and `deadline-exceeded` when its time is over,
   * UnavailableError `heap-limit` when its longest row
   * would need more memory than there is.
   */
  check(demand: Demand): void;
  /** A run begins: `tokens` are its real ones, `size` counts padding too. */
  beginRun(tokens: number, size: number, now: number): void;
  /** A new event has come in, so the clock has moved past the last run. */
  endRun(now: number): void;
  /** No request waits any more, so the time of the next event says nothing about the last run. */
  forgetRun(): void;
  /** Whether a caller that is done should still wait for one event, for the sake of a sample. */
  readonly wantsEvent: boolean;
  /** Milliseconds that one token costs now. */
  readonly msPerToken: number;
}

export interface AdmissionOptions {
  /** Microseconds per token, until measured. */
  readonly microsPerToken: number;
  /** Milliseconds of computing that one request may need. */
  readonly requestCpuMs: number;
  /** Milliseconds after which a request is given up. */
  readonly deadlineMs: number;
  /** Bytes of heap and cache beyond which nothing may begin that needs more. */
  readonly maxHeapBytes: number;
  /** Bytes known to be used: the runtime's heap, and what is cached beside it. */
  readonly heapBytes: () => number;
}

/** The guess counts as much as this many measured tokens, and fades as they come. */
const PRIOR_TOKENS = 256;
/** Each sample leaves this share of all earlier ones: the last twenty runs decide. */
const MEMORY = 0.95;
/** A sample cannot be so many times dearer than what was known: the machine slept, or other work ran. */
const MAX_SURPRISE = 10;
/** A lone request sees no event after its run; one in so many waits for one. Early samples matter most. */
const SAMPLE_EVERY = 16;
const EARLY_SAMPLES = 8;
/** Forecasts are off by the padding that batches bring, a quarter at most. */
const HEADROOM = 0.8;
/**
 * How far one run may grow the runtime's heap, per token and unit of hidden size. A run of 512 tokens
 * grew it by 18 MB at hidden size 384 and by 39 MB at 768.
 */
const BYTES_PER_TOKEN_AND_UNIT = 100;

export function createAdmission(options: AdmissionOptions): Admission {
  const { microsPerToken, requestCpuMs, deadlineMs, maxHeapBytes, heapBytes } = options;
  const guess = { ms: (PRIOR_TOKENS * microsPerToken) / 1000, tokens: PRIOR_TOKENS };
  const sum = { ...guess };
  let open: { readonly tokens: number; readonly startedAt: number } | null = null;
  let runs = 0;
  /** Tokens of the largest run so far: the heap, which never shrinks, has room for it. */
  let largestRun = 0;
  const price = (): number => sum.ms / sum.tokens;

  /**
   * Where no request waits, a refusal rests on the price alone. Without runs nothing would correct a
   * price that a slow moment of the machine has raised, so it goes back to the guess in steps.
   */
  function fade(): void {
    sum.ms = sum.ms * MEMORY + guess.ms * (1 - MEMORY);
    sum.tokens = sum.tokens * MEMORY + guess.tokens * (1 - MEMORY);
  }

  return {
    check({ tokens, longestRow, tokensAhead, msLeft, hiddenSize }) {
      const ownMs = tokens * price();
      // One row is the least that can be sent: beside its deadline it gets a try.
      const isLeast = tokens <= longestRow;
      const allowedMs = isLeast ? requestCpuMs : Math.min(requestCpuMs, deadlineMs);
      if (ownMs > allowedMs) {
        if (tokensAhead === 0) fade();
        const hint = isLeast
          ? "send a smaller max_length"
          : 'send less at once, or set "truncation": true ("truncate" for embeddings) to read only the beginning of each text';
        throw new LimitError(
          "request-too-expensive",
          `request: ${tokens} tokens are about ${Math.ceil(ownMs)} ms of computing, allowed are ${allowedMs}; ${hint}`,
        );
      }
      if (msLeft <= 0) {
        throw new OverloadedError(
          "deadline-exceeded",
          `request: its deadline passed ${-msLeft} ms before it could be queued; try again later`,
        );
      }
      // Alone, a request may come to the very end; what comes before it is a forecast.
      const share = tokensAhead > 0 ? HEADROOM : 1;
      const lateMs = (tokensAhead + tokens) * price() - msLeft * share;
      if (lateMs > 0 && !(isLeast && tokensAhead === 0)) {
        if (tokensAhead === 0) fade();
        throw new OverloadedError(
          "overloaded",
          `queue: ${tokensAhead} tokens are ahead of this request, and it would take about ${Math.ceil((tokensAhead + tokens) * price())} ms of the ${msLeft} that are left; try again later`,
          { retryAfterMs: lateMs },
        );
      }
      const used = heapBytes();
      const growth = (longestRow - largestRun) * hiddenSize * BYTES_PER_TOKEN_AND_UNIT;
      if (growth > 0 && used + growth > maxHeapBytes) {
        throw new UnavailableError(
          "heap-limit",
          `memory: ${used} bytes are used and a row of ${longestRow} tokens may need ${growth} more, allowed are ${maxHeapBytes}; send a smaller max_length`,
        );
      }
    },
    beginRun(tokens, size, now) {
      runs++;
      largestRun = Math.max(largestRun, size);
      open = { tokens, startedAt: now };
    },
    endRun(now) {
      if (!open) return;
      const { tokens, startedAt } = open;
      open = null;
      const ms = Math.min(now - startedAt, tokens * price() * MAX_SURPRISE);
      sum.ms = sum.ms * MEMORY + ms;
      sum.tokens = sum.tokens * MEMORY + tokens;
    },
    forgetRun() {
      open = null;
    },
    get wantsEvent() {
      return open !== null && (runs <= EARLY_SAMPLES || runs % SAMPLE_EVERY === 0);
    },
    get msPerToken() {
      return price();
    },
  };
}
