/** report.html of a distillation: similarity to the teacher, the course of the run, and its texts. */
import { shortIdentity } from "../../../src/core/format/manifest.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import {
  documentOf,
  markup,
  figure,
  figures,
  foreign,
  section,
  table,
} from "../../../src/report/html.ts";
import { lossCurve, scoreCurve } from "../../../src/report/curves.ts";
import { smoothLosses } from "../../../src/report/task-facts.ts";
import type { Markup } from "../../../src/report/html.ts";
import { formatBytes, formatCount, formatScore, formatSeconds } from "../../../src/report/text.ts";
import type { DistillFacts } from "./distill-run.ts";
import type { Similarity } from "./similarity.ts";

/** The whole page; `manifest` is the int8 base's, `int8` what it was measured to be. */
export function distillReport(
  manifest: BaseManifest,
  facts: DistillFacts,
  int8: Similarity,
): string {
  const { teacher, student, result, seconds } = facts;
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
  const body = markup`<header class="title">
<h1>${manifest.name}</h1>
<p class="headline"><span class="figure">${formatScore(int8.spearman)}</span> Spearman of text similarities against the teacher, as it serves</p>
<dl>
<div><dt>teacher</dt><dd>${shortIdentity(teacher.manifest)}, ${teacher.manifest.dtype}</dd></div>
<div><dt>started from</dt><dd>${shortIdentity(student.manifest)}</dd></div>
<div><dt>size</dt><dd>${formatBytes(bytes)}</dd></div>
<div><dt>trained</dt><dd>${formatCount(result.steps)} steps, ${formatSeconds(seconds)}</dd></div>
</dl>
</header>
<main>
${similaritySection(result, int8)}
${courseSection(facts)}
${textsSection(facts)}
</main>
<footer><p>${shortIdentity(manifest)} (${manifest.dtype}) · ${manifest.created} · made by edge-prefix</p></footer>`;
  return documentOf(`${manifest.name}: distillation report`, body);
}

function similaritySection({ before, after }: DistillFacts["result"], int8: Similarity): Markup {
  const numbers = (of: (similarity: Similarity) => { token_cosine: number; spearman: number }) =>
    [before, after, int8].flatMap((similarity) => {
      const { token_cosine, spearman } = of(similarity);
      return [formatScore(token_cosine), formatScore(spearman)];
    });
  const kinds = ["before", "after", "as stored"];
  return section(
    "similarity",
    "How near it is to its teacher",
    markup`<p>On held-back texts: cosine of the hidden states of single tokens, and Spearman's correlation of the cosines of all pairs of mean-pooled texts. Before training, after it in float32, and as stored in int8 on the runtime that serves.</p>`,
    table(
      [
        { name: "texts" },
        ...kinds.flatMap((kind) => [
          { name: `${kind}: cosine`, isNumber: true },
          { name: "Spearman", isNumber: true },
        ]),
      ],
      [
        ["all", ...numbers((similarity) => similarity)],
        ...Object.keys(after.by_source).map((source) => [
          foreign(source),
          ...numbers((similarity) => similarity.by_source[source]!),
        ]),
      ],
    ),
  );
}

function courseSection({ result, settings, course }: DistillFacts): Markup {
  const { history, bestRound, steps } = result;
  const epochs = history.map(({ epoch, loss, score }) => ({ epoch, loss, score }));
  const stepLosses = smoothLosses(
    course.losses,
    course.firstStep,
    steps / Math.max(1, history.length),
  );
  return section(
    "course",
    "Training",
    markup`<p>A round is the steps between two measurements; the weights after round ${bestRound} were kept. The thin line is the loss within rounds.</p>`,
    figures(
      figure(lossCurve({ epochs, stepLosses, unit: "round" })),
      figure(
        scoreCurve({ epochs, bestEpoch: bestRound, scoreName: "token_cosine", unit: "round" }),
      ),
    ),
    table(
      [{ name: "setting" }, { name: "value", isNumber: true }],
      Object.entries({ ...settings, steps }).map(([name, value]) => [
        markup`<code>${name}</code>`,
        String(value),
      ]),
    ),
  );
}

function textsSection({ corpus, sources }: DistillFacts): Markup {
  return section(
    "texts",
    "Texts",
    markup`<p>Lines of plain text, cut into sentences and runs of sentences. One line in fifty is held back and never learned from.</p>`,
    table(
      [
        { name: "file" },
        { name: "lines", isNumber: true },
        { name: "texts", isNumber: true },
        { name: "measured on", isNumber: true },
        { name: "source and licence", isWide: true },
      ],
      corpus.sources.map(({ name, lines, texts, heldBack }, i) => [
        foreign(name),
        formatCount(lines),
        formatCount(texts),
        formatCount(heldBack),
        sources[i] ?? "not stated",
      ]),
    ),
  );
}
