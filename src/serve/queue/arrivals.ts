/**
 * Requests that have come in and are not answered yet, most of which the queue does not know: their
 * bodies are on their way, their pointers are asked for. While a run blocks the isolate's only thread,
 * crowds of them gather between two events. Without this, each would run as soon as it got that far,
 * the queue would never be long, and the last of a crowd would wait for all of it.
 *
 * So a request's time counts from the start of the run during which it may have come; it is refused
 * here, before it costs anything, when the work before it would already make it late; and one of a
 * crowd lets the others catch up before it runs, so that they share batches.
 *
 * Only a request whose body is complete counts as work. One that is still sending may never finish:
 * a client can open thousands of requests with one byte each, or leave in the middle of a body.
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
  /** A request is at the door. Throws OverloadedError `overloaded` when it could not be answered in time. */
  enter(): Arrival;
  /** Its body is complete: from here on it is work. Throws OverloadedError `overloaded` as `enter` does. */
  receive(arrival: Arrival): void;
  /** Its rows are handed to the queue, which counts them itself from now on. */
  queue(arrival: Arrival): void;
  /** The request has been answered or refused, or its client has left. */
  leave(arrival: Arrival): void;
  /** Requests that are here. */
  readonly count: number;
}

export interface ArrivalsOptions {
  readonly clock: Pick<Clock, "now">;
  readonly scheduler: Pick<Scheduler, "announce" | "busySince" | "tokensAhead" | "runs" | "stats">;
  readonly admission: Pick<Admission, "check">;
  readonly deadlineMs: number;
}

/** What a request is believed to be before there have been any: a paragraph. */
const USUAL_TOKENS = 64;
/** What is certain of a request whose text is not known: it may be this short, and is let in alone. */
const OWN_TOKENS = 1;

export function createArrivals(options: ArrivalsOptions): Arrivals {
  const { clock, scheduler, admission, deadlineMs } = options;
  /** In the order of their coming. */
  const here = new Set<Arrival>();
  /** Those of them whose bodies are complete and whose rows the queue does not have yet. */
  const received = new Set<Arrival>();

  return {
    enter() {
      const now = clock.now();
      const at = scheduler.busySince ?? now;
      forgetLost(now);
      // Once a request, and not again with its body: runs wait for turns without a new request, and
      // a request that counted in two turns would hold them up twice.
      scheduler.announce();
      admit(at, now);
      const arrival = { at, runs: scheduler.runs };
      here.add(arrival);
      return arrival;
    },
    receive(arrival) {
      admit(arrival.at, clock.now());
      // One that was forgotten, or whose client has left, is no work any more.
      if (here.has(arrival)) received.add(arrival);
    },
    queue: (arrival) => void received.delete(arrival),
    leave: forget,
    get count() {
      forgetLost(clock.now());
      return here.size;
    },
  };

  function admit(at: number, now: number): void {
    const { rows, tokens, requests } = scheduler.stats;
    const usual = requests === 0 ? USUAL_TOKENS : tokens / requests;
    const usualRows = requests === 0 ? 1 : Math.ceil(rows / requests);
    const work = scheduler.tokensAhead(usualRows) + received.size * usual;
    // A request that finds work here is taken for a usual one, too. Without its own tokens the door
    // would let in what the queue then refuses, after its body has been read and its text split.
    const tokensAhead = work > 0 ? Math.ceil(work + usual - OWN_TOKENS) : 0;
    const msLeft = at + deadlineMs - now;
    admission.check({ tokens: OWN_TOKENS, longestRow: 0, tokensAhead, msLeft, hiddenSize: 0 });
  }

  function forget(arrival: Arrival): void {
    here.delete(arrival);
    received.delete(arrival);
  }

  /** A request whose client has left may run no more code and cannot say so: time tells. */
  function forgetLost(now: number): void {
    for (const arrival of here) {
      if (now - arrival.at <= 2 * deadlineMs) return;
      forget(arrival);
    }
  }
}
