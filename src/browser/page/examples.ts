/** Example texts of the chosen tasks: what their manifests recorded. */
import type { TaskDescription } from "./client.ts";
import type { Texts } from "./request.ts";

export type Chip = Texts;

/** Chips that are shown: a line or two. */
const MAX_CHIPS = 4;

/** Examples of the tasks in turns, each text once. */
export function chipsOf(tasks: readonly Pick<TaskDescription, "examples">[]): Chip[] {
  const chips = new Map<string, Chip>();
  const longest = Math.max(0, ...tasks.map(({ examples }) => examples?.length ?? 0));
  for (let at = 0; at < longest; at++) {
    for (const { examples } of tasks) {
      const example = examples?.[at];
      if (!example) continue;
      const chip = { text: example.text, pair: example.text_pair ?? "" };
      chips.set(JSON.stringify(chip), chip);
    }
  }
  return [...chips.values()].slice(0, MAX_CHIPS);
}
