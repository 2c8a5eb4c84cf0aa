/** A stopwatch of wall and CPU time that can be held while something else is done. */
import type { Spent } from "./results.ts";

export interface Watch {
  /** Time since the start without what was held. */
  read(): Spent;
  /** Runs something whose time does not count. */
  hold<T>(run: () => Promise<T>): Promise<T>;
}

/** Time of this process, all its threads together. */
function ownTime(): Spent {
  const { user, system } = process.cpuUsage(); // microseconds
  return { seconds: performance.now() / 1_000, cpu_seconds: (user + system) / 1e6 };
}

export function startWatch(now: () => Spent = ownTime): Watch {
  const minus = (a: Spent, b: Spent): Spent => ({
    seconds: a.seconds - b.seconds,
    cpu_seconds: a.cpu_seconds - b.cpu_seconds,
  });
  let start = now();
  return {
    read: () => minus(now(), start),
    async hold(run) {
      const before = now();
      const result = await run();
      start = minus(start, minus(before, now()));
      return result;
    },
  };
}
