/** Where two states of a memory differ. */
import type { Run } from "../../src/engine/ort/images/memory-image.ts";

/** Closer changes are one run: a run costs eight bytes and a copy. */
const GAP = 32;

/** Runs that make `after` out of `before`; the memory may have grown, by zeros. */
export function changedRuns(before: Uint8Array, after: Uint8Array): Run[] {
  const runs: { from: number; to: number }[] = [];
  for (let i = 0; i < after.length; i++) {
    if (after[i] === (before[i] ?? 0)) continue;
    const run = runs.at(-1);
    if (run && i - run.to < GAP) run.to = i + 1;
    else runs.push({ from: i, to: i + 1 });
  }
  return runs;
}

/** Static data end where the longest stretch of zeros begins: the unused part of the stack. */
export function endOfStaticData(memory: Uint8Array): number {
  let [longest, end, last] = [0, 0, 0];
  for (let i = 0; i < memory.length; i++) {
    if (memory[i] === 0) continue;
    if (i - last > longest) [longest, end] = [i - last, last + 1];
    last = i;
  }
  return Math.ceil(end / 4) * 4;
}
