/**
 * CARD.md of a task: a model card in the Hub's format, from the facts that the report shows too.
 * It travels with the task and therefore has no text of the data in it.
 */
import { MOST_LOST } from "../learn/measure/other.ts";
import { METHODS, partsOf } from "../learn/methods.ts";
import { cardMetadata, yamlBlock } from "./card-metadata.ts";
import type { EvaluationFacts, FileFact, ReportFacts, TrainingFacts } from "./facts.ts";
import {
  startText,
  formatShare,
  formatBytes,
  formatCount,
  formatInterval,
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

const MAX_LABELS = 100;
/** Labels named among the limits, when they are this much worse than the rest. */
const MAX_WEAK = 5;
const WEAK_F1 = 0.5;
const DELTA_METHODS: readonly string[] = METHODS.filter((method) => partsOf(method).deltas);

/** The text of CARD.md. */
export function taskCard(facts: ReportFacts): string {
  const { description, evaluation, training, isServed = true } = facts;
  const sections: readonly string[][] = [
    ["---", ...yamlBlock(cardMetadata(facts)), "---"],
    [`# ${facts.task}`],
    ...(description === undefined ? [] : [[description]]),
    [whatItIs(facts)],
    ["## Intended use", "", intendedUse(facts), "", labelList(facts.labels)],
    ...(evaluation ? [results(evaluation, facts)] : []),
    ...(evaluation?.calibration ? [calibration(evaluation, facts)] : []),
    ...(facts.data ? [trainingData(facts)] : []),
    ...(training ? [procedure(facts, training)] : []),
    ...(isServed ? [["## Sizes", "", sizes(facts)]] : []),
    ["## Limits", "", ...limits(facts).map((limit) => `- ${limit}`)],
    ...(isServed ? [howToUse(facts)] : []),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function whatItIs(facts: ReportFacts): string {
  const { type, problemType, base, method, numVirtualTokens, prefixBytes } = facts;
  const kind = problemType === "regression" ? "regression" : `${type} classification`;
  const of = `the base ${base.name}@${base.identity}`;
  if (facts.isServed === false) {
    return `A comparison for ${kind} on ${of}: method \`${method}\`, measured to compare others with, not a task that can be published.`;
  }
  const head = facts.readsWords
    ? "a linear head, which also reads how words are written, with transitions between tags"
    : "a linear head";
  const parts = [
    ...(numVirtualTokens > 0 ? [`${numVirtualTokens} virtual tokens`] : []),
    ...(method === "lora" ? ["low-rank changes of the encoder's linears"] : []),
    ...(DELTA_METHODS.includes(method) ? ["changes of the encoder's biases"] : []),
    head,
  ];
  const what = new Intl.ListFormat("en").format(parts);
  return `A ${kind} task for ${of}: ${what} (method \`${method}\`), ${formatBytes(prefixBytes)}. The base itself is unchanged.`;
}

function intendedUse({ type, problemType, data, other, isServed = true }: ReportFacts): string {
  const does = {
    token: "Finds the entities of the types below in a text, with their positions.",
    single_label_classification:
      "Answers a text with one of the labels below and a score for each.",
    multi_label_classification:
      "Answers a text with a score for each of the labels below; several may be true.",
    regression: "Answers a text with a number.",
  }[type === "token" ? "token" : problemType];
  const unknown = other
    ? ` A text that fits none of them is answered \`${other.label}\`; at the limit that was chosen, at most ${formatShare(MOST_LOST)} of the evaluation rows lose a right answer to that.`
    : "";
  const { language } = data ?? {};
  const texts =
    language === undefined ? "of the language and kind" : `in ${nameOf(language)}, of the kind`;
  return `${does}${unknown} Meant for texts ${texts} that it was trained on${isServed ? ", served by edge-prefix beside other tasks on the same base" : ""}.`;
}

/** "en" -> English; what is no language tag stays as it is. */
const LANGUAGES = new Intl.DisplayNames("en", { type: "language" });

function nameOf(language: string): string {
  try {
    return LANGUAGES.of(language) ?? language;
  } catch {
    return language;
  }
}

const labelList = (labels: readonly string[]): string =>
  `Labels (${formatCount(labels.length)}): ${labels.slice(0, MAX_LABELS).map(inline).join(", ")}${labels.length > MAX_LABELS ? ", .." : ""}`;

function results(
  { name, rows, runtime, metrics, files = [], crossValidation }: EvaluationFacts,
  { training, isServed = true }: ReportFacts,
): string[] {
  const how = isServed ? `what serves: ${runtime}` : runtime;
  const notes = crossValidation
    ? [crossValidationNote(crossValidation)]
    : [intervalNote(rows), training && choiceNote(training)];
  return [
    "## Results",
    "",
    `Measured on ${plural(rows, "row")} of ${name}, answered by ${how}. ${notes.filter(Boolean).join(" ")}`,
    "",
    ...table(
      ["metric", "value", "95 % interval"],
      metrics.map(({ name, value, interval }) => [
        metricName(name),
        formatScore(value),
        interval ? formatInterval(interval) : "",
      ]),
    ),
    ...(files.length > 1 ? ["", ...fileTable(files)] : []),
  ];
}

const fileTable = (files: readonly FileFact[]): string[] =>
  table(
    ["file", "rows", metricName(files[0]!.score.name), "95 % interval"],
    files.map(({ name, rows, score: { value, interval } }) => [
      name,
      formatCount(rows),
      formatScore(value),
      interval ? formatInterval(interval) : "",
    ]),
  );

function calibration(
  { calibration, crossValidation }: EvaluationFacts,
  { readsWords }: ReportFacts,
): string[] {
  const { temperature, before, after } = calibration!;
  const rows = crossValidation ? "the answers of cross-validation" : "the evaluation rows";
  const shares =
    readsWords && !crossValidation
      ? " How often each tag occurs was fitted on the evaluation rows, too; each of them is judged by what the other half says."
      : "";
  return [
    "## Calibration",
    "",
    `${temperature === 1 ? UNFITTED : `Logits are divided by a temperature of ${formatScore(temperature)}, fitted on ${rows}.`}${shares} Expected calibration error, 0 at best: ${formatScore(before.ece)} before, ${formatScore(after.ece)} after.`,
  ];
}

function trainingData({ data }: ReportFacts): string[] {
  const { files, source, licence } = data!;
  const notes = data!.notes ?? [];
  return [
    "## Training data",
    "",
    `Source: ${source ?? "not stated"}. Licence: ${licence ?? "not stated"}. No text of the data is part of this task.`,
    "",
    ...table(
      ["file", "use", "rows", "bad rows, left out"],
      files.map(({ name, use, rows, badRows }) => [
        name,
        use === "train" ? "training" : "evaluation",
        formatCount(rows),
        formatCount(badRows),
      ]),
    ),
    ...(notes.length > 0 ? ["", ...notes.map((note) => `- ${inline(note)}`)] : []),
  ];
}

function procedure(facts: ReportFacts, training: TrainingFacts): string[] {
  return [
    "## Procedure",
    "",
    trainingText(training),
    ...(training.start ? ["", startText(training.start)] : []),
    "",
    ...table(
      ["setting", "value"],
      Object.entries({
        method: facts.method,
        num_virtual_tokens: facts.numVirtualTokens,
        pooling: facts.pooling,
        max_length: facts.maxLength,
        ...training.settings,
      }).map(([name, value]) => [name, String(value)]),
    ),
  ];
}

const sizes = ({ prefixBytes, base, maxLength }: ReportFacts): string =>
  `prefix.safetensors: ${formatCount(prefixBytes)} bytes. The base (${base.dtype}) is shared by all its tasks. Texts are read in windows of ${formatCount(maxLength)} tokens; longer ones in several that overlap.`;

/** What follows from the facts, and nothing that would be true of any model. */
function limits(facts: ReportFacts): string[] {
  const { type, problemType, evaluation, data, labels, other } = facts;
  const weak = (evaluation?.labels ?? [])
    .filter(({ f1, support }) => f1 < WEAK_F1 && support > 0)
    .sort((a, b) => a.f1 - b.f1)
    .slice(0, MAX_WEAK)
    .map(
      ({ label, f1, support }) =>
        `${inline(label)} (F1 ${formatScore(f1)}, ${formatCount(support)} true)`,
    );
  const isOneOf = type === "sequence" && problemType === "single_label_classification";
  return [
    ...(isOneOf && !other
      ? [
          `It answers with one of ${formatCount(labels.length)} labels even where none fits; look at the score.`,
        ]
      : []),
    ...(weak.length > 0 ? [`Weakest: ${weak.join(", ")}.`] : []),
    ...(evaluation ? [] : ["Not measured: there are no evaluation results in this card."]),
    ...(data?.licence === null
      ? ["The licence of the training data is not stated; find out before you publish."]
      : []),
    ...(facts.limits ?? []),
    "A score says how sure the task is on texts like those it was measured on; on others it may be sure and wrong.",
    "What the base learned from its own data, good and bad, is still in it.",
  ];
}

function howToUse(facts: ReportFacts): string[] {
  const python = pythonLines(facts);
  return [
    "## How to use",
    "",
    ...fence("sh", `${pushLine({ ...facts, folder: undefined })}\n${curlLine(facts)}`),
    ...(python === null ? [] : ["", ...fence("python", python)]),
  ];
}

/** A code block whose fence is longer than any in its content. */
function fence(language: string, code: string): string[] {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const mark = "`".repeat(longest + 1);
  return [`${mark}${language}`, code, mark];
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(" | ")} |`,
  `|${head.map(() => "---").join("|")}|`,
  ...rows.map((row) => `| ${row.map(inline).join(" | ")} |`),
];

/** Foreign text within a line of Markdown: no tables, tags or emphasis begin in it. */
const inline = (text: string): string =>
  text.replaceAll(/\s+/g, " ").replaceAll(/[\\|`*<>[\]]/g, (character) => `\\${character}`);
