/**
 * Full fine-tuning beside the ladder: the cells of the accuracy table, which learn from 5,000 rows as the
 * last step of the ladder does, or from all there are. Their rows and their test rows are their own (of
 * SST-2 the dev split), so they are shown and not compared draw by draw.
 */
import type { CellResult } from "../accuracy/results.ts";
import type { TaskId } from "../accuracy/tasks.ts";
import type { LadderResult } from "./results.ts";
import type { SetId } from "./sets.ts";

const ROWS = 5_000;
const SETS_OF: Readonly<Partial<Record<TaskId, SetId>>> = {
  banking77: "banking77",
  sst2: "sst2",
  rte: "rte",
  snips: "snips-slots",
  wnut17: "wnut17",
};

/** The cells of fine-tuning as cells of the ladder, a seed a draw. */
export function fullCells(results: readonly CellResult[]): LadderResult[] {
  return results.flatMap(({ task, method, seed, ...cell }) => {
    const set = SETS_OF[task];
    if (method !== "full" || set === undefined) return [];
    const { metric, score, interval, seconds, bytes, settings, rows, base } = cell;
    const { command, commit, machine, load } = cell;
    return {
      bench: "ladder",
      set,
      rows: ROWS,
      contender: "full",
      draw: seed,
      metric,
      score,
      interval,
      reported: null,
      seconds,
      bytes: bytes ?? 0,
      settings,
      train_rows: rows.train,
      test_rows: rows.reported,
      model: { name: base.name, identity: base.identity },
      command,
      commit,
      machine,
      load,
    } satisfies LadderResult;
  });
}
