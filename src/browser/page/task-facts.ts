/** What is known of a task, in words: its score, its labels, and its card. */
import type { TaskDescription } from "./client.ts";

/** A number that says how good a task is. */
export interface Score {
  readonly name: string;
  readonly value: string;
}

/** Metrics that are shares of rows, which people read as percent. */
const SHARES: Readonly<Record<string, string>> = {
  accuracy: "accuracy",
  f1: "F1",
  macro_f1: "macro F1",
  micro_f1: "micro F1",
};
const OTHER_NAMES: Readonly<Record<string, string>> = {
  matthews: "Matthews correlation",
  pearson: "Pearson correlation",
  spearman: "Spearman correlation",
};

type Measured = Pick<TaskDescription, "metrics">;

/** The score by which the task was chosen; null where nothing was measured. */
export function scoreOf({ metrics }: Measured): Score | null {
  const metric = metrics["metric"];
  if (typeof metric !== "string") return null;
  const value = metrics[metric];
  if (typeof value !== "number") return null;
  return { name: SHARES[metric] ?? OTHER_NAMES[metric] ?? metric, value: amountOf(metric, value) };
}

const amountOf = (metric: string, value: number): string =>
  Object.hasOwn(SHARES, metric) ? `${(100 * value).toFixed(1)} %` : value.toFixed(3);

/** How many labels a line names before it counts them. */
const NAMED = 4;

/** What a task can answer: its labels, or the groups of its tags. */
export function labelsLine({ type, labels, problem_type: kind }: TaskDescription): string {
  if (kind === "regression") return `a number: ${labels.join(", ")}`;
  const names = type === "token" ? groupsOf(labels) : labels;
  const what = type === "token" ? "kinds of entities" : "labels";
  const shown = names.slice(0, NAMED).join(", ");
  return names.length > NAMED ? `${names.length} ${what}: ${shown}, ..` : shown;
}

/** Groups of tags such as B-PER and I-PER, without the tag for no entity. */
export const groupsOf = (labels: readonly string[]): string[] => [
  ...new Set(labels.filter((tag) => tag !== "O").map((tag) => tag.replace(/^[BIESLU]-/, ""))),
];

/** The card: pairs of a name and what is known. */
export function cardOf(task: TaskDescription): readonly (readonly [string, string])[] {
  const { metrics } = task;
  const score = scoreOf(task);
  const metric = metrics["metric"];
  const interval = metrics["interval"] as { low: number; high: number; level: number } | undefined;
  const rows = metrics["rows"];
  const dataset = metrics["dataset"];
  const ece = metrics["ece"];
  const measured =
    typeof rows === "number"
      ? `on ${rows.toLocaleString("en")} rows${typeof dataset === "string" ? ` of ${dataset}` : ""}`
      : "";
  const sure =
    interval && typeof metric === "string"
      ? `, ${100 * interval.level} % interval ${amountOf(metric, interval.low)} to ${amountOf(metric, interval.high)}`
      : "";
  return [
    ["Kind", kindOf(task)],
    ...(score ? [["Score", `${score.name} ${score.value}${sure} ${measured}`] as const] : []),
    ...(typeof ece === "number"
      ? [["Calibration", `expected calibration error ${ece.toFixed(3)}, 0 at best`] as const]
      : []),
    ["Labels", (task.type === "token" ? groupsOf(task.labels) : task.labels).join(", ")],
    ["Base", task.base],
    ["Prefix", `${task.num_virtual_tokens} virtual tokens`],
    ["Window", `${task.max_length} tokens; longer texts are read in several`],
    ["Version", `${task.version}, made ${task.created.slice(0, 10)}`],
    ...(task.canary
      ? [["Canary", `${task.canary.version} answers ${task.canary.percent} % of requests`] as const]
      : []),
  ];
}

function kindOf({ type, problem_type: kind }: TaskDescription): string {
  if (type === "token") return "finds entities in a text";
  if (kind === "regression") return "rates a text by a number";
  if (kind === "multi_label_classification") return "gives a text any number of labels";
  return "gives a text one of its labels";
}
