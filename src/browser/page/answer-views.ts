/** Answers as people like to see them: labels as bars, entities in their text, a number. */
import { firstBars, percentOf, shareOf } from "./bars.ts";
import type { Scored } from "./bars.ts";
import type { TaskDescription } from "./client.ts";
import { el, scrolling } from "./element.ts";
import { coloursOf, legendOf, segmentsOf } from "./segments.ts";
import type { FoundEntity, PlacedEntity, Segment } from "./segments.ts";
import { groupsOf } from "./task-facts.ts";

/** What of a task its answers are shown by. */
export type ShownTask = Pick<TaskDescription, "type" | "problem_type" | "labels" | "thresholds">;

/** The answer of a task to `text`, as it is served. */
export function showResult(task: ShownTask, text: string, result: unknown): HTMLElement {
  if (task.type === "token") return showEntities(task, text, result as FoundEntity[]);
  const labels = result as Scored[];
  return task.problem_type === "regression" ? showNumbers(labels) : showBars(task, labels);
}

function showBars(task: ShownTask, labels: readonly Scored[]): HTMLElement {
  if (labels.length === 0) {
    return el("p", { class: "none", text: "No label reaches its threshold." });
  }
  const { first, rest } = firstBars(labels);
  const bars = (shown: readonly Scored[]) =>
    el("ol", { class: "bars" }, ...shown.map((item) => barOf(task, item)));
  if (rest.length === 0) return bars(first);
  const more = el("summary", { text: `${rest.length} more labels` });
  return el("div", {}, bars(first), el("details", { class: "more" }, more, bars(rest)));
}

function barOf(task: ShownTask, { label, score }: Scored): HTMLElement {
  const threshold = task.thresholds?.[task.labels.indexOf(label)];
  return el(
    "li",
    {},
    el("span", { class: "bar-label", text: label, dir: "auto" }),
    el("span", { class: "bar-score", title: String(score), text: percentOf(score) }),
    el(
      "span",
      { class: "track", "aria-hidden": "true", vars: { share: String(shareOf(score)) } },
      threshold !== undefined &&
        el("i", {
          class: "threshold",
          title: `threshold ${percentOf(threshold)}`,
          vars: { at: String(shareOf(threshold)) },
        }),
    ),
    threshold !== undefined &&
      el("span", { class: "visually-hidden", text: `, threshold ${percentOf(threshold)}` }),
  );
}

function showNumbers(labels: readonly Scored[]): HTMLElement {
  return el(
    "dl",
    { class: "numbers" },
    ...labels.flatMap(({ label, score }) => [
      el("dt", { text: label }),
      el("dd", { text: score.toFixed(3), title: String(score) }),
    ]),
  );
}

function showEntities(
  task: ShownTask,
  text: string,
  entities: readonly FoundEntity[],
): HTMLElement {
  const found = legendOf(entities);
  const groups = found.map(({ group }) => group);
  const colours = coloursOf(groupsOf(task.labels), groups);
  const colourOf = (group: string): string => String(colours.get(group) ?? 0);
  const segments = segmentsOf(text, entities);
  const shown = el(
    "p",
    { class: "entities", dir: "auto" },
    ...segments.map((segment) => pieceOf(segment, colourOf)),
  );
  if (entities.length === 0) {
    return el("div", {}, shown, el("p", { class: "none", text: "No entity in this text." }));
  }
  const legend = el(
    "ul",
    { class: "legend" },
    ...found.map(({ group, count }) =>
      el(
        "li",
        { "data-colour": colourOf(group) },
        group,
        count > 1 && el("small", { text: ` ${count} times` }),
      ),
    ),
  );
  const placed = segments.flatMap(({ entity }) => (entity ? [entity] : []));
  return el("div", {}, shown, legend, offsetsTable(placed));
}

/** Bubbles so far: each needs an id of its own. */
let bubbles = 0;

/** An entity can be focused, and then says what hovering it says. */
function pieceOf({ text, entity }: Segment, colourOf: (group: string) => string): Node {
  if (!entity) return document.createTextNode(text);
  const { entity_group: group, score, start, end, utf16 } = entity;
  const id = `bubble-${bubbles++}`;
  return el(
    "mark",
    { class: "entity", tabindex: "0", "data-colour": colourOf(group), "aria-describedby": id },
    // Not isolated: the words of both directions stand as they stand in the text.
    text,
    el(
      "span",
      { id, class: "bubble", role: "tooltip", dir: "ltr" },
      el("b", { text: group }),
      ` ${percentOf(score)}`,
      el("br"),
      `characters ${start} to ${end}`,
      el("br"),
      `UTF-16 units ${utf16.start} to ${utf16.end}`,
    ),
  );
}

function offsetsTable(entities: readonly PlacedEntity[]): HTMLElement {
  const head = ["Text", "Entity", "Score", "Characters", "UTF-16"];
  const rows = entities.map(({ word, entity_group: group, score, start, end, utf16 }) =>
    el(
      "tr",
      {},
      el("td", {}, el("bdi", { text: word })),
      el("td", { text: group }),
      el("td", { text: percentOf(score), title: String(score) }),
      el("td", { text: `${start} to ${end}` }),
      el("td", { text: `${utf16.start} to ${utf16.end}` }),
    ),
  );
  return el(
    "details",
    { class: "more" },
    el("summary", { text: "Scores and offsets" }),
    scrolling(
      "Scores and offsets",
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col", text })))),
        el("tbody", {}, ...rows),
      ),
    ),
  );
}
