/** What a data file holds: its first rows, how the labels are spread, what is wrong with which line. */
import type { Look, Prepared } from "../../train/calls.ts";
import type { TableStart } from "../../../learn/data/table-start.ts";
import type { DataSummary, LabelCount } from "../../../learn/measure/data-summary.ts";
import { el, scrolling } from "../element.ts";

/** More labels are shown by their largest and smallest. */
const MAX_LABELS = 8;

export const count = (value: number): string => value.toLocaleString("en");

/** Everything that is known of the data. */
export function showData(fileName: string, { start, prepared, notes }: Look): HTMLElement {
  return el(
    "div",
    { class: "train-data" },
    el("h3", { text: fileName }),
    "failure" in prepared
      ? el(
          "p",
          { class: "problem", role: "alert" },
          prepared.failure.message,
          prepared.failure.code !== null && el("code", { text: ` ${prepared.failure.code}` }),
        )
      : showPrepared(prepared),
    notes.length > 0 && showNotes(notes),
    start.columns.length > 0 && showStart(start),
  );
}

function showPrepared(prepared: Prepared): HTMLElement {
  const { rows, measured, labels, problemType, summary, maxLength } = prepared;
  const kinds = {
    single_label_classification: `${labels.length} labels`,
    multi_label_classification: `${labels.length} labels, any number of them a text`,
    regression: "a number for each",
  };
  const evaluated = measured.inFolds
    ? `each of them held out in turn to be measured (${measured.name})`
    : `${count(measured.rows)} more to measure on (${measured.name})`;
  return el(
    "div",
    {},
    el("p", { text: `${count(rows)} rows to train on, ${evaluated}; ${kinds[problemType]}.` }),
    summary.balance.length > 0 && showBalance(summary.balance),
    el("p", { class: "note", text: lengthsOf(summary, maxLength) }),
    ...duplicatesOf(summary).map((text) => el("p", { class: "note", text })),
  );
}

function showBalance(balance: readonly LabelCount[]): HTMLElement {
  const isLong = balance.length > MAX_LABELS + 1;
  const shown = isLong ? [...balance.slice(0, MAX_LABELS - 1), balance.at(-1)!] : balance;
  const most = Math.max(1, ...balance.map(({ train }) => train));
  const bars = shown.map(({ label, train }) =>
    el(
      "li",
      {},
      el("span", { class: "bar-label", text: label, dir: "auto" }),
      el("span", { class: "bar-score", text: count(train) }),
      el("span", { class: "track", "aria-hidden": "true", vars: { share: String(train / most) } }),
    ),
  );
  if (isLong) {
    const text = `${balance.length - MAX_LABELS} more labels between these`;
    bars.splice(-1, 0, el("li", { class: "note", text }));
  }
  return el("ol", { class: "bars", "aria-label": "Rows of each label" }, ...bars);
}

function lengthsOf({ lengths, cutShare }: DataSummary, maxLength: number): string {
  const { median, p95, max } = lengths.train;
  const cut =
    cutShare > 0
      ? ` ${Math.max(1, Math.round(100 * cutShare))} % of the texts are longer than ${maxLength} and cut for training.`
      : "";
  return `Tokens a text: half have up to ${median}, 95 % up to ${p95}, the longest ${max}.${cut}`;
}

function duplicatesOf({ duplicates }: DataSummary): string[] {
  const { inEvaluation, withinTrain, conflicting } = duplicates;
  return [
    ...(inEvaluation > 0
      ? [`${count(inEvaluation)} rows left out: their texts are among those that are measured.`]
      : []),
    ...(withinTrain > 0
      ? [
          `${count(withinTrain)} rows repeat an earlier text and are kept` +
            (conflicting > 0 ? `; ${count(conflicting)} texts have different labels.` : "."),
        ]
      : []),
  ];
}

const showNotes = (notes: readonly string[]): HTMLElement =>
  el(
    "ul",
    { class: "train-notes", "aria-label": "Problems and warnings" },
    ...notes.map((text) => el("li", { text })),
  );

function showStart({ columns, rows }: TableStart): HTMLElement {
  const head = columns.map((text) => el("th", { scope: "col", text }));
  return el(
    "details",
    { class: "more" },
    el("summary", { text: `The first rows, ${columns.length} columns` }),
    scrolling(
      "The first rows",
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, ...head)),
        el(
          "tbody",
          {},
          ...rows.map((row) => el("tr", {}, ...row.map((text) => el("td", { text, dir: "auto" })))),
        ),
      ),
    ),
  );
}
