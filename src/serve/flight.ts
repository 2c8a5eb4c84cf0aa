/**
 * Shared work in a Worker: one load that many requests wait for.
 *
 * workerd ties a promise and its I/O to the request that started them: if that request ends or is
 * cancelled, the load never settles, for anyone. So the starter holds the load open (waitUntil), the
 * load beats a heart whenever it makes progress, and a waiter who sees no beat for `staleMs` starts
 * the load again as its own. Waiters poll with their own timer instead of awaiting the shared
 * promise, because a promise of another request may never wake them.
 */
import { UnavailableError } from "../core/errors.ts";

/** Keeps the asking request's context alive until the promise settles: `ctx.waitUntil`. */
export type Hold = (promise: Promise<unknown>) => void;

/** Time as the host sees it, injected so that tests need no clock. */
export interface Clock {
  now(): number;
  /** Resolves after `ms` and lets the host do its I/O meanwhile. */
  wait(ms: number): Promise<void>;
}

/** One run of a load: what it came to, and when it last made progress. */
interface Run<T> {
  outcome: { readonly value: T } | { readonly error: unknown } | null;
  beatAt: number;
}

export interface Flight<T> {
  /** The value, loading it first if nobody has. Errors are shared with all who wait, not kept. */
  get(hold: Hold): Promise<T>;
  /** The value if it is there. */
  readonly value: T | null;
  readonly isLoading: boolean;
}

/** How long a load may show no progress before a waiter takes it over. */
const STALE_MS = 5_000;
const POLL_MS = 5;
/** A waiter that has taken over this often gives up: the load, not its owner, is the problem. */
const MAX_TAKEOVERS = 3;

/** Makes a single-flight load. `load` calls `beat` whenever it makes progress. */
export function createFlight<T>(
  load: (beat: () => void) => Promise<T>,
  clock: Clock,
  staleMs = STALE_MS,
): Flight<T> {
  // One object, so that reads after an await see what other requests have done meanwhile.
  const state: { value: { readonly value: T } | null; current: Run<T> | null } = {
    value: null,
    current: null,
  };

  const start = (hold: Hold): Run<T> => {
    const run: Run<T> = { outcome: null, beatAt: clock.now() };
    const work = load(() => (run.beatAt = clock.now())).then(
      (loaded) => {
        run.outcome = { value: loaded };
        state.value ??= { value: loaded };
      },
      (error: unknown) => {
        run.outcome = { error };
      },
    );
    hold(
      work.finally(() => {
        if (state.current === run) state.current = null;
      }),
    );
    return run;
  };

  return {
    get value() {
      return state.value?.value ?? null;
    },
    get isLoading() {
      return state.current !== null;
    },
    async get(hold) {
      // Asked through a function: other requests change the state while this one waits.
      const loaded = () => state.value;
      const early = loaded();
      if (early) return early.value;
      let run = (state.current ??= start(hold));
      for (let takeovers = 0; ;) {
        const done = loaded();
        if (done) return done.value;
        if (run.outcome && "error" in run.outcome) throw run.outcome.error;
        if (clock.now() - run.beatAt > staleMs) {
          if (++takeovers > MAX_TAKEOVERS) {
            throw new UnavailableError("load-stalled", "load: makes no progress; try again later");
          }
          // Another waiter may have taken over already: join the newest run.
          const newest = state.current;
          run = newest !== null && newest !== run ? newest : (state.current = start(hold));
        }
        await clock.wait(POLL_MS);
      }
    },
  };
}
