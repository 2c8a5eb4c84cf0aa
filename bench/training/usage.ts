/** How busy a machine was with other things while something was measured. */
import { cpus } from "node:os";

interface Usage {
  /** Share of all cores' time since the watch began that was neither idle nor `ownCpuMs`, 0 to 1. */
  othersShare(ownCpuMs: number): number;
}

/** Begins to watch the cores. */
export function watchUsage(): Usage {
  const start = coreTimes();
  return {
    othersShare(ownCpuMs) {
      const end = coreTimes();
      const busy = end.busy - start.busy;
      const all = busy + end.idle - start.idle;
      return all > 0 ? Math.min(1, Math.max(0, (busy - ownCpuMs) / all)) : 0;
    },
  };
}

/** Milliseconds since boot, of all cores together. */
function coreTimes(): { busy: number; idle: number } {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    busy += times.user + times.nice + times.sys + times.irq;
  }
  return { busy, idle };
}
