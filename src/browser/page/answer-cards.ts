/** One card a task: its name and version, its answer, and what is known of it. */
import { showResult } from "./answer-views.ts";
import type { TaskAnswer, TaskDescription } from "./client.ts";
import { compare, differenceLine } from "./compare.ts";
import { el } from "./element.ts";
import { cardOf } from "./task-facts.ts";

/** An answer with the machine that gave it. */
export interface ShownAnswer extends TaskAnswer {
  readonly where: string;
}

/** The card of a task; without answers it says what the task is. */
export function showCard(
  task: TaskDescription,
  text: string,
  answers: readonly ShownAnswer[],
): HTMLElement {
  const id = `answer-${task.task}`;
  return el(
    "article",
    { class: "card", "aria-labelledby": id },
    el(
      "header",
      { class: "card-head" },
      el("h3", { id, text: task.task }),
      ...versionTags(task, answers),
    ),
    answers.length === 0 && el("p", { class: "none", text: "Not asked yet." }),
    ...answers.map((answer) => showAnswer(task, text, answer, answers.length > 1)),
    showDifference(task, answers),
    el(
      "details",
      { class: "more" },
      el("summary", { text: "Card" }),
      el(
        "dl",
        { class: "facts-list" },
        ...cardOf(task).flatMap(([name, value]) => [
          el("dt", { text: name }),
          el("dd", { text: value }),
        ]),
      ),
    ),
  );
}

function showAnswer(
  task: TaskDescription,
  text: string,
  { outcome, where }: ShownAnswer,
  isNamed: boolean,
): HTMLElement {
  const shown =
    "error" in outcome ? showProblem(outcome.error) : showResult(task, text, outcome.result);
  return isNamed ? el("section", { class: "side" }, el("h4", { text: where }), shown) : shown;
}

/** How the answers of two machines differ; null where there are not two. */
function showDifference(
  task: TaskDescription,
  answers: readonly ShownAnswer[],
): HTMLElement | null {
  const [a, b] = answers.map(({ outcome }) => outcome);
  if (!a || !b || "error" in a || "error" in b) return null;
  const difference = compare(task.type, a.result, b.result);
  const isSame = difference.kind === "same";
  return el("p", { class: isSame ? "agree" : "differ", text: differenceLine(difference) });
}

/** What the server said is wrong, in its own words. */
export const showProblem = ({ code, detail }: { readonly code: string; readonly detail: string }) =>
  el("p", { class: "problem", role: "alert" }, detail, " ", el("code", { text: code }));

/** The version that answered, and what is special about it. */
function versionTags(task: TaskDescription, answers: readonly ShownAnswer[]): HTMLElement[] {
  const versions = new Set(answers.flatMap(({ version }) => (version === null ? [] : [version])));
  const shown = versions.size > 0 ? [...versions] : [task.version];
  const tags = shown.map((version) =>
    el("small", { class: "version", title: "version of the task", text: version }),
  );
  const canary = task.canary && versions.has(task.canary.version);
  if (canary) tags.push(el("small", { class: "tag", text: `canary, ${task.canary!.percent} %` }));
  if (answers.some(({ isStale }) => isStale)) {
    const title = "The bucket could not confirm that this is the current version.";
    tags.push(el("small", { class: "tag", title, text: "stale" }));
  }
  return tags;
}
