/**
 * Shared work in a Worker: one load that many requests wait for.
 *
 * workerd ties a promise and its I/O to the request that started them: if that request ends or is
 * cancelled, the load never settles, for any of the waiting requests. So the request that starts a
 * load holds its own context open (waitUntil) and counts a heartbeat beside the load. The heartbeat
 * stops exactly when that context is gone. A waiting request that has seen no beat for many of its
 * own turns starts the load again. It counts turns instead of milliseconds, because no request gets
 * a turn while a graph is being compiled, and deployed clocks stand still. Waiting requests poll with
 * their own timers instead of awaiting the shared promise, because a promise of another request may
 * never wake them.
 */
import type { Clock } from "../core/clock.ts";
import { UnavailableError } from "../core/errors.ts";

/** Keeps the asking request's context alive until the promise settles: `ctx.waitUntil`. */
export type Hold = (promise: Promise<unknown>) => void;

/** One run of a load: its outcome, and a count that grows as long as its owner is alive. */
interface Run<T> {
  outcome: { readonly value: T } | { readonly error: unknown } | null;
  beats: number;
}

export interface Flight<T> {
  /** The value, which is loaded first where it is not there. All waiting requests get an error; it is not kept. */
  get(hold: Hold): Promise<T>;
  /** The value if it is there. */
  readonly value: T | null;
  readonly isLoading: boolean;
}

const BEAT_MS = 50;
const POLL_MS = 5;
/** There is a beat about every tenth poll. The margin costs two seconds once the beats have stopped. */
const MISSED_POLLS = 400;
/** A request that has started the load again this often gives up: the load itself is the problem. */
const MAX_TAKEOVERS = 3;

/** Makes a single-flight load. */
export function createFlight<T>(load: () => Promise<T>, clock: Clock): Flight<T> {
  // One object, so that reads after an await see what other requests have done meanwhile.
  const state: { value: { readonly value: T } | null; current: Run<T> | null } = {
    value: null,
    current: null,
  };

  const start = (hold: Hold): Run<T> => {
    const run: Run<T> = { outcome: null, beats: 0 };
    hold(settle(run));
    hold(beat(run));
    return run;
  };

  async function settle(run: Run<T>): Promise<void> {
    try {
      const value = await load();
      run.outcome = { value };
      state.value ??= { value };
    } catch (error) {
      run.outcome = { error };
    }
    if (state.current === run) state.current = null;
  }

  async function beat(run: Run<T>): Promise<void> {
    while (run.outcome === null) {
      run.beats++;
      await clock.wait(BEAT_MS);
    }
  }

  return {
    get value() {
      return state.value?.value ?? null;
    },
    get isLoading() {
      return state.current !== null;
    },
    async get(hold) {
      let run = state.value === null ? (state.current ??= start(hold)) : null;
      let beats = -1;
      let missed = 0;
      let takeovers = 0;
      while (state.value === null && run !== null) {
        if (run.outcome && "error" in run.outcome) throw run.outcome.error;
        missed = run.beats === beats ? missed + 1 : 0;
        beats = run.beats;
        if (missed > MISSED_POLLS) {
          if (++takeovers > MAX_TAKEOVERS) {
            throw new UnavailableError("load-stalled", "load: makes no progress; try again later");
          }
          // Another waiter may have taken over already: join the newest run.
          const newest: Run<T> | null = state.current;
          run = newest !== null && newest !== run ? newest : (state.current = start(hold));
          missed = 0;
        }
        await clock.wait(POLL_MS);
      }
      return state.value!.value;
    },
  };
}
