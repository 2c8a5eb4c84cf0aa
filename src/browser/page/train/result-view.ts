/** What a finished run is worth: the score, where it is wrong, which rows to look at. */
import type {
  ConfusionCell,
  EvaluationFacts,
  HardExample,
  ReportFacts,
} from "../../../report/facts.ts";
import type { DoubtfulFact } from "../../../learn/measure/doubtful-rows.ts";
import {
  crossValidationNote,
  formatInterval,
  formatScore,
  metricName,
} from "../../../report/text.ts";
import { el, scrolling } from "../element.ts";
import { count } from "./data-view.ts";

/** Rows that are shown of a list; the report in the folder has them all. */
const MAX_ROWS = 8;
/** A table of more labels is no longer read. */
const MAX_CONFUSED = 12;

export function showEvaluation({ evaluation, labels, doubtful = [] }: ReportFacts): HTMLElement {
  return el(
    "div",
    { class: "train-evaluation" },
    evaluation !== undefined && showScore(evaluation),
    evaluation?.confusion !== undefined && showConfusion(evaluation.confusion, labels),
    (evaluation?.hardest ?? []).length > 0 && showHardest(evaluation!.hardest!),
    doubtful.length > 0 && showDoubtful(doubtful),
  );
}

function showScore({ metrics, rows, crossValidation }: EvaluationFacts): HTMLElement {
  const score = metrics.find(({ isScore }) => isScore) ?? metrics[0]!;
  const interval = score.interval ? ` (95 % interval ${formatInterval(score.interval)})` : "";
  const others = metrics.filter((metric) => metric !== score);
  return el(
    "div",
    {},
    el(
      "p",
      { class: "train-score" },
      el("b", { text: formatScore(score.value) }),
      ` ${metricName(score.name)}${interval} on ${count(rows)} rows`,
    ),
    crossValidation !== undefined &&
      el("p", { class: "note", text: crossValidationNote(crossValidation) }),
    others.length > 0 &&
      el("p", {
        class: "note",
        text: others
          .map(({ name, value }) => `${metricName(name)} ${formatScore(value)}`)
          .join(" · "),
      }),
  );
}

function showConfusion(cells: readonly ConfusionCell[], labels: readonly string[]): HTMLElement {
  return labels.length > MAX_CONFUSED ? confusedPairs(cells) : confusionTable(cells, labels);
}

function confusionTable(cells: readonly ConfusionCell[], labels: readonly string[]): HTMLElement {
  const of = (truth: string, answer: string): number =>
    cells.find((cell) => cell.truth === truth && cell.answer === answer)?.count ?? 0;
  const most = Math.max(1, ...cells.map((cell) => cell.count));
  const head = [
    el("th", { scope: "col", text: "True label" }),
    ...labels.map((label) => el("th", { scope: "col", text: label })),
  ];
  const rows = labels.map((truth) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", text: truth }),
      ...labels.map((answer) => {
        const value = of(truth, answer);
        return el("td", {
          class: truth === answer ? "right" : value > 0 ? "wrong" : "",
          vars: { share: String(value / most) },
          text: String(value),
        });
      }),
    ),
  );
  return el(
    "div",
    {},
    el("h4", { text: "Which label was taken for which" }),
    scrolling(
      "Confusion of labels",
      el(
        "table",
        { class: "confusion" },
        el("caption", { class: "note", text: "Columns: what was answered." }),
        el("thead", {}, el("tr", {}, ...head)),
        el("tbody", {}, ...rows),
      ),
    ),
  );
}

function confusedPairs(cells: readonly ConfusionCell[]): HTMLElement {
  const wrong = cells
    .filter(({ truth, answer }) => truth !== answer)
    .toSorted((a, b) => b.count - a.count)
    .slice(0, MAX_ROWS);
  return el(
    "div",
    {},
    el("h4", { text: "Labels most often taken for others" }),
    el(
      "ol",
      { class: "train-rows" },
      ...wrong.map((cell) =>
        el(
          "li",
          {},
          el("b", { text: cell.truth }),
          " answered as ",
          el("b", { text: cell.answer }),
          `: ${cell.count} times`,
        ),
      ),
    ),
  );
}

function showHardest(rows: readonly HardExample[]): HTMLElement {
  return el(
    "div",
    {},
    el("h4", { text: "Hardest rows" }),
    el(
      "ol",
      { class: "train-rows" },
      ...rows
        .slice(0, MAX_ROWS)
        .map(({ text, pair, truth, answer, words }) =>
          el(
            "li",
            {},
            quote(text, pair),
            words === undefined
              ? el("p", { class: "note" }, "is ", bold(truth), ", answered ", bold(answer))
              : el("p", { class: "note", text: wrongTags(text, words, truth, answer) }),
          ),
        ),
    ),
  );
}

/** The words whose tags are wrong. */
function wrongTags(
  text: string,
  words: NonNullable<HardExample["words"]>,
  truth: readonly string[],
  answer: readonly string[],
): string {
  return words
    .flatMap(({ start, end }, i) =>
      truth[i] === answer[i]
        ? []
        : [`${text.slice(start, end)} is ${truth[i]!}, answered ${answer[i]!}`],
    )
    .join("; ");
}

function showDoubtful(rows: readonly DoubtfulFact[]): HTMLElement {
  return el(
    "div",
    {},
    el("h4", { text: "Rows to look at" }),
    el("p", {
      class: "note",
      text: "Their labels may be wrong: rows that read alike, or the same words elsewhere, have another.",
    }),
    el(
      "ol",
      { class: "train-rows" },
      ...rows
        .slice(0, MAX_ROWS)
        .map(({ text, pair, labels, place, why }) =>
          el(
            "li",
            {},
            quote(text, pair),
            el(
              "p",
              { class: "note" },
              el("code", { text: place }),
              " ",
              bold(labels),
              ", but ",
              why.kind === "text"
                ? "a row with nearly this text has "
                : `${why.count} of ${why.of} ${why.kind === "words" ? "places of these words" : "rows most like it"} have `,
              bold(why.kind === "text" ? why.labels : [why.label]),
            ),
          ),
        ),
    ),
  );
}

const bold = (labels: readonly string[]): HTMLElement =>
  el("b", { text: labels.length === 0 ? "no label" : labels.join(", ") });

const quote = (text: string, pair: string | undefined): HTMLElement =>
  el(
    "blockquote",
    { dir: "auto" },
    text,
    pair !== undefined && el("span", { class: "note", text: ` / ${pair}` }),
  );
