/** What the page says of a task, beside its errors: how good it is, how it was made, of what, and how to use it. */
import type { LabelCount } from "../learn/measure/data-summary.ts";
import {
  lossCurve,
  scoreCurve,
  reliabilityDiagram,
  regressionScatter,
  lengthHistogram,
} from "./curves.ts";
import type { EvaluationFacts, FileFact, ReportFacts, DataFacts } from "./facts.ts";
import { markup, figure, figures, section, table, chunks, foreign } from "./html.ts";
import type { Markup, Part } from "./html.ts";
import { sweepHeatMap } from "./matrices.ts";
import { intervalGraphic, shareGraphic } from "./svg.ts";
import {
  formatCount,
  formatInterval,
  formatNumber,
  formatScore,
  metricName,
  plural,
  trainingText,
  UNFITTED,
  choiceNote,
  crossValidationNote,
  intervalNote,
  curlLine,
  pushLine,
  pythonLines,
} from "./text.ts";

/** Metrics with their intervals. */
export function resultSection(evaluation: EvaluationFacts, facts: ReportFacts): Markup {
  const { name, rows, runtime, metrics, files = [] } = evaluation;
  const { isServed = true } = facts;
  const hasIntervals = metrics.some(({ interval }) => interval);
  // One scale for all: from the tenth below the lowest up to 1, so that intervals can be seen.
  const drawn = metrics.filter(({ name, value }) => value <= 1 && !name.includes("error"));
  const lowest = Math.min(1, ...drawn.map(({ value, interval }) => interval?.[0] ?? value));
  const low = Math.min(0.9, Math.floor(lowest * 10) / 10);
  return section(
    "result",
    "Result",
    markup`<p>Measured on ${plural(rows, "row")} of ${name}, answered by ${isServed && "what serves: "}${runtime}.</p>${howMeasured(evaluation, facts, hasIntervals)}`,
    table(
      [
        { name: "metric" },
        { name: "value", isNumber: true },
        ...(hasIntervals ? [{ name: "95 % interval", isNumber: true }] : []),
        { name: `${formatNumber(low)} to 1`, isWide: true },
      ],
      metrics.map((metric) => {
        const { name, value, interval, isScore } = metric;
        return [
          isScore === true ? markup`<strong>${metricName(name)}</strong>` : metricName(name),
          isScore === true ? markup`<strong>${formatScore(value)}</strong>` : formatScore(value),
          ...(hasIntervals ? [interval ? formatInterval(interval) : ""] : []),
          drawn.includes(metric) && intervalGraphic(value, interval, [low, 1]),
        ];
      }),
    ),
    files.length > 1 && fileTable(files),
  );
}

/** How far the numbers can be trusted. */
function howMeasured(
  { rows, crossValidation }: EvaluationFacts,
  { training, readsWords }: ReportFacts,
  hasIntervals: boolean,
): Part {
  if (crossValidation) return markup`<p>${crossValidationNote(crossValidation)}</p>`;
  const chosen = training && choiceNote(training);
  const fitted =
    training && readsWords
      ? "How often each tag occurs was fitted on the same rows: every row is judged by what the other half of them says, so single answers may differ from those of the task, which knows both halves."
      : null;
  return [
    hasIntervals && markup`<p>${intervalNote(rows)}</p>`,
    (chosen ?? fitted) && markup`<p>${[chosen, fitted].filter(Boolean).join(" ")}</p>`,
  ];
}

const fileTable = (files: readonly FileFact[]): Markup =>
  table(
    [
      { name: "file" },
      { name: "rows", isNumber: true },
      { name: metricName(files[0]!.score.name), isNumber: true },
      { name: "95 % interval", isNumber: true },
    ],
    files.map(({ name, rows, score: { value, interval } }) => [
      name,
      formatCount(rows),
      formatScore(value),
      interval ? formatInterval(interval) : "",
    ]),
  );

/** Learning curves and settings. */
export function trainingSection(facts: ReportFacts): Part {
  const { training, method, numVirtualTokens, pooling, maxLength } = facts;
  if (!training || training.epochs.length === 0) return null;
  const { epochs, reasons = {}, stepLosses = [] } = training;
  const settings: Readonly<Record<string, string | number | boolean>> = {
    method,
    num_virtual_tokens: numVirtualTokens,
    pooling,
    max_length: maxLength,
    ...training.settings,
  };
  const hasReasons = Object.keys(reasons).length > 0;
  return section(
    "training",
    "Training",
    markup`<p>${trainingText(training)}</p>${stepLosses.length > 1 && markup`<p>The thin line is the loss within epochs, a mean over neighbouring steps; dots are means of whole epochs.</p>`}`,
    figures(figure(lossCurve(training)), epochs.length > 1 && figure(scoreCurve(training))),
    table(
      [
        { name: "setting" },
        { name: "value", isNumber: true },
        ...(hasReasons ? [{ name: "why" }] : []),
      ],
      Object.entries(settings).map(([name, value]) => [
        markup`<code>${name}</code>`,
        typeof value === "number" ? settingNumber(value) : String(value),
        ...(hasReasons ? [reasons[name] ?? ""] : []),
      ]),
    ),
  );
}

/** As it would be typed: no separators between thousands. */
const settingNumber = (value: number): string => String(Number(value.toPrecision(6)));

export function sweepSection({ sweep }: ReportFacts): Part {
  if (!sweep || sweep.cells.length === 0) return null;
  const { cells, chosen, reason, scoreName } = sweep;
  const isHalved = cells.some(({ budget }) => budget < 1);
  return section(
    "sweep",
    "Sweep",
    markup`<p>${plural(cells.length, "pair")} of prompt length and learning rate, judged by ${metricName(scoreName)}. Chosen: <strong>${chosen.numVirtualTokens} virtual tokens, learning rate ${formatNumber(chosen.learningRate)}</strong>, framed.</p>${reason !== undefined && markup`<p>${reason}</p>`}<p>Below a score: ± half of its 95 % interval over seeds.${isHalved && " A percentage instead means that the pair was stopped after that share of a full run."}</p>`,
    figures(figure(sweepHeatMap(sweep))),
  );
}

export function calibrationSection({ evaluation, training }: ReportFacts): Part {
  const calibration = evaluation?.calibration;
  if (!evaluation || !calibration) return null;
  const { temperature, before, after } = calibration;
  return section(
    "calibration",
    "Calibration",
    markup`<p>Can a score be read as a probability? On the diagonal it can. Area of a dot: number of answers.</p>`,
    figures(
      figure(reliabilityDiagram(calibration)),
      markup`<div>${table(
        [{ name: "" }, { name: "temperature", isNumber: true }, { name: "ECE", isNumber: true }],
        [
          [markup`<span class="key hollow"></span>before`, "1", formatScore(before.ece)],
          [
            markup`<span class="key full"></span>after`,
            formatScore(temperature),
            formatScore(after.ece),
          ],
        ],
      )}<p class="aside">${
        temperature === 1
          ? UNFITTED
          : `Logits are divided by the temperature, which was fitted on ${training ? `these ${formatCount(evaluation.rows)} rows` : "the evaluation rows of its training"} and is served with the task.`
      } ECE, the expected calibration error, is the mean distance from the diagonal, weighted by answers.</p></div>`,
    ),
  );
}

export function regressionSection({ evaluation }: ReportFacts): Part {
  const points = evaluation?.regression;
  if (!points || points.length === 0) return null;
  return section(
    "answers",
    "Answers",
    markup`<p>${plural(points.length, "row")}: the answer over the true value. On the diagonal the two agree.</p>`,
    figures(figure(regressionScatter(points))),
  );
}

const LABELS_A_COLUMN = 26;

export function dataSection({ data, type, maxLength }: ReportFacts): Part {
  if (!data) return null;
  const { files, source, licence, language, notes = [], balance = [], lengths } = data;
  return section(
    "data",
    "Data",
    markup`<p>Source: ${source ?? "not stated"}.<br>Licence: ${licence ?? "not stated"}.${language !== undefined && markup`<br>Language: ${language}.`}</p>${lengths && markup`<p>Bars are training rows${lengths.eval && ", the line evaluation rows, both as shares"}. What is longer than ${formatCount(maxLength)} tokens is read in windows that overlap.</p>`}`,
    filesTable(files),
    notes.length > 0 && markup`<ul>${notes.map((note) => markup`<li>${note}</li>`)}</ul>`,
    figures(lengths && figure(lengthHistogram(lengths, maxLength)), balanceTables(balance, type)),
  );
}

const filesTable = (files: DataFacts["files"]): Markup =>
  table(
    [
      { name: "file" },
      { name: "use" },
      { name: "rows", isNumber: true },
      { name: "bad rows, left out", isNumber: true },
    ],
    files.map(({ name, use, rows, badRows }) => [
      foreign(name),
      use === "train" ? "training" : "evaluation",
      formatCount(rows),
      formatCount(badRows),
    ]),
  );

/** Most frequent first. */
function balanceTables(balance: readonly LabelCount[], type: ReportFacts["type"]): Part {
  const sorted = [...balance].sort((a, b) => b.train - a.train || (a.label < b.label ? -1 : 1));
  const largest = Math.max(1, ...sorted.map(({ train }) => train));
  // Bars are for a few labels; with many, two tables of numbers fit side by side.
  const hasBars = sorted.length <= LABELS_A_COLUMN;
  const hasEvaluation = sorted.some((row) => row.eval > 0);
  const columns = [
    { name: type === "token" ? "entity type" : "label" },
    { name: "training", isNumber: true },
    ...(hasBars ? [{ name: "" }] : []),
    ...(hasEvaluation ? [{ name: "evaluation", isNumber: true }] : []),
  ];
  return chunks(sorted, LABELS_A_COLUMN).map((part) =>
    table(
      columns,
      part.map((row) => [
        foreign(row.label),
        formatCount(row.train),
        ...(hasBars ? [shareGraphic(row.train, largest)] : []),
        ...(hasEvaluation ? [formatCount(row.eval)] : []),
      ]),
    ),
  );
}

export function usageSection(facts: ReportFacts): Part {
  if (facts.isServed === false) return null;
  const python = pythonLines(facts);
  const { base } = facts;
  return section(
    "use",
    "Use",
    markup`<p>Publishing uploads ${plural(2, "file")}, prefix.safetensors and manifest.json; this page stays here. The task belongs to base ${base.name}@${base.identity}.</p>`,
    markup`<h3>Publish</h3><pre><code>${pushLine(facts)}</code></pre><h3>Ask</h3><pre><code>${curlLine(facts)}</code></pre>`,
    python !== null && markup`<h3>Ask from Python</h3><pre><code>${python}</code></pre>`,
  );
}
