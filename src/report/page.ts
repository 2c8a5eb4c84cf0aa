/**
 * report.html: one file that opens offline, in the light and in the dark, on paper and on a phone.
 * It needs no script and loads nothing. Its sections follow a reader's questions: how good is it, where
 * is it wrong, can I trust its scores, how was it made, of what, and how do I use it?
 */
import type { BaseManifest } from "../core/format/manifest.ts";
import type { Task } from "../core/format/task.ts";
import { doubtfulSection } from "./doubtful-section.ts";
import { confusionSection, hardestSection, labelsSection } from "./error-sections.ts";
import { evaluationFacts } from "./evaluation-facts.ts";
import type { EvaluationSource } from "./evaluation-facts.ts";
import type { ReportFacts } from "./facts.ts";
import { documentOf, markup } from "./html.ts";
import type { Markup } from "./html.ts";
import {
  dataSection,
  usageSection,
  calibrationSection,
  regressionSection,
  resultSection,
  sweepSection,
  trainingSection,
} from "./sections.ts";
import { taskFacts } from "./task-facts.ts";
import { formatBytes, formatCount, formatInterval, formatScore, metricName } from "./text.ts";

/** The whole page as text. Every string of `facts` is escaped. */
export function reportHtml(facts: ReportFacts): string {
  const { task, version, base, created } = facts;
  const body = markup`${title(facts)}
<main>
${facts.evaluation && resultSection(facts.evaluation, facts)}
${confusionSection(facts)}
${labelsSection(facts)}
${regressionSection(facts)}
${hardestSection(facts)}
${doubtfulSection(facts)}
${calibrationSection(facts)}
${trainingSection(facts)}
${sweepSection(facts)}
${dataSection(facts)}
${usageSection(facts)}
</main>
<footer><p>${task}${version !== undefined && ` ${version}`} · base ${base.name}@${base.identity} (${base.dtype}) · ${created} · made by edge-prefix</p></footer>`;
  return documentOf(`${task}: training report`, body);
}

/** The answer to the first question in large type, then what kind of thing this is. */
function title(facts: ReportFacts): Markup {
  const { task, description, evaluation, method, labels, numVirtualTokens, base } = facts;
  const score = evaluation?.metrics.find(({ isScore }) => isScore) ?? evaluation?.metrics[0];
  const kind =
    facts.problemType === "regression" ? "regression" : `${formatCount(labels.length)} labels`;
  return markup`<header class="title">
<h1>${task}</h1>
${description !== undefined && markup`<p class="description" dir="auto">${description}</p>`}
${
  score &&
  markup`<p class="headline"><span class="figure">${formatScore(score.value)}</span> ${metricName(score.name)}${score.interval && ` (95 % interval ${formatInterval(score.interval)})`} on ${formatCount(evaluation!.rows)} rows of ${evaluation!.name}</p>`
}
<dl>
<div><dt>task</dt><dd>${facts.type}, ${kind}</dd></div>
<div><dt>method</dt><dd>${method}${numVirtualTokens > 0 && `, ${numVirtualTokens} virtual tokens`}</dd></div>
<div><dt>base</dt><dd>${base.name}, ${base.dtype}</dd></div>
${facts.isServed !== false && markup`<div><dt>size of the task</dt><dd>${formatBytes(facts.prefixBytes)}</dd></div>`}
${facts.training && markup`<div><dt>training rows</dt><dd>${formatCount(facts.training.rows)}</dd></div>`}
${evaluation?.calibration && markup`<div><dt>calibration error</dt><dd>${formatScore(evaluation.calibration.after.ece)}</dd></div>`}
</dl>
</header>`;
}

/** `eval --report FILE`: the page for a task and any data, without what only its training knows. */
export function evaluationReport(
  folder: string,
  { manifest, version }: Task,
  base: Pick<BaseManifest, "dtype">,
  source: Omit<EvaluationSource, "hasTexts">,
): string {
  const facts = taskFacts(manifest, base, {
    // The manifest says what serves, not how it was found.
    method: manifest.num_virtual_tokens > 0 ? "prefix" : "linear",
    version,
    folder,
    evaluation: evaluationFacts(manifest, { ...source, hasTexts: true }),
  });
  return reportHtml(facts);
}
