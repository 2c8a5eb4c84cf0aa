/**
 * Requests that have come in and are not answered yet, most of which the queue does not know: their
 * bodies are being read, their pointers asked for. While a run blocks the isolate's only thread,
 * whole crowds of them gather between two events. Without this, each would run as soon as it got
 * that far, the queue would never be long, and the last of a crowd would wait for all of it.
 *
 * So a request's time counts from the begin of the run during which it may have come; it is refused
 * here, before it costs anything, when those before it would already make it late; and one that
 * comes in a crowd lets the others catch up before it runs, so that they share batches.
 */
import type { Admission } from "./admission.ts";
import type { Clock } from "../../core/clock.ts";
import type { Scheduler } from "./scheduler.ts";

export interface Arrival {
  /** When it came, at the earliest. */
  readonly at: number;
  /** Runs that had begun by then: if there are more, the isolate has been busy since. */
  readonly runs: number;
}

export interface Arrivals {
  /** Throws OverloadedError `overloaded` when there is no hope of answering in time. */
  enter(): Arrival;
  /** The request has been answered or refused. */
  leave(arrival: Arrival): void;
  /** Requests that are here. */
  readonly count: number;
}

export interface ArrivalsOptions {
  readonly clock: Pick<Clock, "now">;
  readonly scheduler: Pick<
    Scheduler,
    "announce" | "busySince" | "tokensAhead" | "waiting" | "runs" | "stats"
  >;
  readonly admission: Pick<Admission, "check">;
  readonly deadlineMs: number;
}

/** What a request is believed to be before there have been any: a paragraph. */
const USUAL_TOKENS = 64;

export function createArrivals(options: ArrivalsOptions): Arrivals {
  const { clock, scheduler, admission, deadlineMs } = options;
  /** In the order of their coming. */
  const here = new Set<Arrival>();

  return {
    enter() {
      const now = clock.now();
      const at = scheduler.busySince ?? now;
      scheduler.announce();
      forgetLost(now);
      const { rows, tokens, requests } = scheduler.stats;
      const usual = requests === 0 ? USUAL_TOKENS : tokens / requests;
      const usualRows = requests === 0 ? 1 : Math.ceil(rows / requests);
      // Those that wait in the queue are in its tokens; the others are on their way to it.
      const onTheirWay = Math.max(0, here.size - scheduler.waiting);
      const tokensAhead = Math.ceil(scheduler.tokensAhead(usualRows) + onTheirWay * usual);
      const msLeft = at + deadlineMs - now;
      admission.check({ tokens: 1, longestRow: 0, tokensAhead, msLeft, hiddenSize: 0 });
      const arrival = { at, runs: scheduler.runs };
      here.add(arrival);
      return arrival;
    },
    leave: (arrival) => void here.delete(arrival),
    get count() {
      return here.size;
    },
  };

  /** A request whose client has left runs no more code and cannot say so: time tells. */
  function forgetLost(now: number): void {
    for (const arrival of here) {
      if (now - arrival.at <= 2 * deadlineMs) return;
      here.delete(arrival);
    }
  }
}
