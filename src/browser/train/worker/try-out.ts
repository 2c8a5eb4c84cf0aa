/** The answer of a task that was just trained, by the code and the engine that serve. */
import type { Task } from "../../../core/format/task.ts";
import { statesOfRow } from "../../../core/model/rows.ts";
import { atOnce } from "../../../core/turns.ts";
import type { LoadedBase } from "../../../engine/engine.ts";
import type { Answer, TextInput } from "../../../serve/prediction.ts";
import { readForTask } from "../../../serve/reading.ts";

/** Windows of a text; more than a person types. */
const MAX_WINDOWS = 512;

/** Answers one text. Throws what readForTask throws. */
export async function tryOut(base: LoadedBase, task: Task, input: TextInput): Promise<Answer> {
  const reading = readForTask(base, task, input, {}, MAX_WINDOWS);
  const reduced = [];
  for (const [index, row] of reading.rows.entries()) {
    const states = await base.encoder.encode([row], reading.queries);
    reduced.push(reading.reduce(index, statesOfRow(states, 0, row.ids.length)));
  }
  return atOnce(reading.finish(reduced));
}
