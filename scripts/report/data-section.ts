/** What was it made of: files, licence, balance of labels, lengths; and how to use it. */
import type { DataFacts, ReportFacts } from "./facts.ts";
import type { LabelCount } from "../../src/learn/measure/data-summary.ts";
import { lengthHistogram } from "./length-histogram.ts";
import { markup } from "./markup.ts";
import type { Markup, Part } from "./markup.ts";
import { formatCount, plural } from "./numbers.ts";
import { chunks, figure, figures, foreign, section, table } from "./parts.ts";
import { curlLine, pushLine, pythonLines } from "./usage.ts";
import { shareGraphic } from "./word-graphics.ts";

const LABELS_A_COLUMN = 26;

export function dataSection({ data, type, maxLength }: ReportFacts): Part {
  if (!data) return null;
  const { files, source, licence, language, notes = [], balance = [], lengths } = data;
  return section(
    "data",
    "Data",
    markup`<p>Source: ${source ?? "not stated"}.<br>Licence: ${licence ?? "not stated"}.${language !== undefined && markup`<br>Language: ${language}.`}</p>${lengths && markup`<p>Bars are training rows${lengths.eval && ", the line evaluation rows"}, both as shares. What is longer than ${formatCount(maxLength)} tokens is read in windows that overlap.</p>`}`,
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
  const columns = [
    { name: type === "token" ? "entity type" : "label" },
    { name: "training", isNumber: true },
    ...(hasBars ? [{ name: "" }] : []),
    { name: "evaluation", isNumber: true },
  ];
  return chunks(sorted, LABELS_A_COLUMN).map((part) =>
    table(
      columns,
      part.map((row) => [
        foreign(row.label),
        formatCount(row.train),
        ...(hasBars ? [shareGraphic(row.train, largest)] : []),
        formatCount(row.eval),
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
