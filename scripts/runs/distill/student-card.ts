/** CARD.md of a distilled base: its teacher, its start, its texts, and its similarity to the teacher. */
import { shortIdentity } from "../../../src/core/format/manifest.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { cardOrigin, sizesSection } from "../../base/base-card.ts";
import { markdownTable, formatCount } from "../../../src/report/text.ts";
import type { DistillFacts } from "./distill-run.ts";
import type { Similarity } from "./similarity.ts";

/** `int8`: the base as it serves, where that was measured. */
export function distilledCard(
  manifest: BaseManifest,
  { student, teacher, corpus, sources, settings, result }: DistillFacts,
  int8: Similarity | null,
): string {
  const { tables, trainsWords, batchTokens, maxLength, learningRate, seed } = settings;
  const card = student.files.get("CARD.md");
  const origin = card ? cardOrigin(new TextDecoder().decode(card)) : "not stated";
  const linears = manifest.dtype === "int8" ? "int8: linear weights per output channel" : "float32";
  const embeddings =
    manifest.dtype === "fp32"
      ? ""
      : tables === "compact"
        ? "; words in 4 bits and positions in 8, a scale a row; the rest float32"
        : "; word table per row; the rest float32";
  const facts = [
    ["", ""],
    ["teacher", `${shortIdentity(teacher.manifest)} (${teacher.manifest.dtype})`],
    ["started from", shortIdentity(student.manifest)],
    [
      "trained",
      `${formatCount(result.steps)} steps of ${formatCount(batchTokens)} tokens, texts of up to ${maxLength}; learning rate ${learningRate}, seed ${seed}; word table ${trainsWords ? "trained, too" : "as it was"}`,
    ],
    ["stored as", `${linears}${embeddings}`],
  ];
  const columns: [string, Similarity][] = [
    ["before training", result.before],
    ["after", result.after],
    ...(int8 ? ([["as stored (int8)", int8]] as [string, Similarity][]) : []),
  ];
  const rows = ["all", ...Object.keys(result.after.by_source)].map((source) => [
    source,
    ...columns.map(([, similarity]) => {
      const { token_cosine, spearman } =
        source === "all" ? similarity : similarity.by_source[source]!;
      return `${token_cosine.toFixed(3)} / ${spearman.toFixed(3)}`;
    }),
  ]);
  return `# ${manifest.name}

A small base, trained by \`edge-prefix distill\` to have the hidden states of a larger one.

${markdownTable(facts)}

## How near it is to its teacher

Cosine of the hidden states of single tokens / Spearman's correlation of the cosines of all pairs of mean-pooled texts, on held-back texts:

${markdownTable([["texts", ...columns.map(([name]) => name)], ...rows])}

## Texts it learned from

${markdownTable([
  ["file", "lines", "held back", "source and licence"],
  ...corpus.sources.map(({ name, lines, heldBack }, i) => [
    name,
    formatCount(lines),
    formatCount(heldBack),
    sources[i] ?? "not stated",
  ]),
])}

No text is part of this folder.

## What it started from

${origin.replaceAll(/^## /gm, "### ")}

${sizesSection(manifest)}`;
}
