/** How good is it, and how did it get there: metrics, learning curves, sweep, calibration. */
import type { EvaluationFacts, FileFact, ReportFacts } from "./facts.ts";
import { sweepHeatMap } from "./heat-map.ts";
import { lossCurve, scoreCurve } from "./learning-curve.ts";
import { markup } from "./markup.ts";
import type { Markup, Part } from "./markup.ts";
import {
  formatCount,
  formatInterval,
  formatNumber,
  formatScore,
  formatSeconds,
  metricName,
  plural,
  UNFITTED,
} from "./numbers.ts";
import { figure, figures, section, table } from "./parts.ts";
import { reliabilityDiagram } from "./reliability.ts";
import { regressionScatter } from "./scatter.ts";
import { intervalGraphic } from "./word-graphics.ts";

/** Metrics with their intervals. */
export function resultSection(
  { name, rows, runtime, metrics, files = [] }: EvaluationFacts,
  { training, isServed = true, readsWords }: ReportFacts,
): Markup {
  const hasIntervals = metrics.some(({ interval }) => interval);
  // One scale for all: from the tenth below the lowest up to 1, so that intervals can be seen.
  const drawn = metrics.filter(({ name, value }) => value <= 1 && !name.includes("error"));
  const lowest = Math.min(1, ...drawn.map(({ value, interval }) => interval?.[0] ?? value));
  const low = Math.min(0.9, Math.floor(lowest * 10) / 10);
  return section(
    "result",
    "Result",
    markup`<p>Measured on ${plural(rows, "row")} of ${name} with ${isServed && "the graph and runtime that serve, "}${runtime}.${hasIntervals && " Intervals are by bootstrap: whole rows drawn with replacement, a thousand times."}</p>${training && markup`<p>The best epoch was chosen by the same rows, which flatters the numbers a little.${readsWords && " How often each tag comes was fitted on them, too: every row is judged by what the other half of them says, so single answers may differ from those of the task, which knows both halves."}</p>`}`,
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
  const { epochs, bestEpoch, reasons = {}, stepLosses = [] } = training;
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
    markup`<p>${formatCount(training.rows)} rows, ${plural(training.steps, "step")} in ${plural(epochs.length, "epoch")}${training.seconds !== undefined && `, ${formatSeconds(training.seconds)}`}. The parameters after epoch ${bestEpoch} were kept.</p>${stepLosses.length > 1 && markup`<p>The thin line is the loss within epochs, a mean over neighbouring steps; dots are means of whole epochs.</p>`}`,
    figures(figure(lossCurve(training)), figure(scoreCurve(training))),
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
