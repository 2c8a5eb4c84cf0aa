/** Where does it err: confusions, a table of labels or entity types, the hardest examples. */
import { confusionMatrix, topConfusions } from "./matrices.ts";
import type { LabelScore } from "../learn/measure/metrics.ts";
import type { EntityOutcomes, HardExample, ReportFacts } from "./facts.ts";
import { markup, chunks, figure, figures, foreign, section, table } from "./html.ts";
import type { Markup, Part } from "./html.ts";
import { formatCount, formatScore, formatShare, plural } from "./text.ts";
import { scoreGraphic, shareGraphic } from "./svg.ts";

const MAX_CONFUSIONS = 15;
/** Rows of one column of the table of labels. */
const LABELS_A_COLUMN = 26;

export function confusionSection({ evaluation, labels }: ReportFacts): Part {
  const cells = evaluation?.confusion;
  if (!cells || cells.length === 0) return null;
  const top = topConfusions(cells, MAX_CONFUSIONS);
  const wrong = cells
    .filter(({ truth, answer }) => truth !== answer)
    .reduce((sum, { count }) => sum + count, 0);
  const largest = top[0]?.count ?? 1;
  return section(
    "confusion",
    "Confusion",
    markup`<p>${plural(wrong, "wrong answer")} of ${formatCount(evaluation.rows)}. Rows are truths, columns are answers, shades are shares of the row; grey is right, red is wrong.</p>`,
    figures(
      figure(confusionMatrix(cells, labels)),
      top.length > 0 &&
        markup`<div>${table(
          [
            { name: "truth" },
            { name: "answered" },
            { name: "rows", isNumber: true },
            { name: "of truth", isNumber: true },
            { name: "", isWide: true },
          ],
          top.map(({ truth, answer, count, share }) => [
            foreign(truth),
            foreign(answer),
            formatCount(count),
            formatShare(share),
            shareGraphic(count, largest, "wrong", 60),
          ]),
        )}</div>`,
    ),
  );
}

export function labelsSection({ evaluation, type }: ReportFacts): Part {
  const scores = evaluation?.labels;
  if (!scores || scores.length === 0) return null;
  const worstFirst = [...scores].sort((a, b) => a.f1 - b.f1 || (a.label < b.label ? -1 : 1));
  const [worst = [], ...others] = chunks(worstFirst, LABELS_A_COLUMN);
  return section(
    "labels",
    type === "token" ? "Entity types" : "Labels",
    markup`<p>Lowest F1 first.<span class="wide"> The dot is F1, the bar reaches from precision to recall.</span></p>`,
    figures([scoreTable(worst, type), others.map((part) => shortScoreTable(part))]),
    evaluation.entities && outcomesTable(evaluation.entities),
  );
}

function scoreTable(scores: readonly LabelScore[], type: ReportFacts["type"]): Markup {
  return table(
    [
      { name: type === "token" ? "entity type" : "label" },
      { name: "F1", isNumber: true },
      { name: "0 to 1", isWide: true },
      { name: "precision", isNumber: true },
      { name: "recall", isNumber: true },
      { name: type === "token" ? "entities" : "rows", isNumber: true },
    ],
    scores.map(({ label, precision, recall, f1, support }) => [
      foreign(label),
      formatScore(f1),
      scoreGraphic(precision, recall, f1),
      formatScore(precision),
      formatScore(recall),
      formatCount(support),
    ]),
  );
}

/** For labels that do well among many: narrow enough for two side by side. */
const shortScoreTable = (scores: readonly LabelScore[]): Markup =>
  table(
    [{ name: "label" }, { name: "F1", isNumber: true }, { name: "0 to 1" }],
    scores.map(({ label, precision, recall, f1 }) => [
      foreign(label),
      formatScore(f1),
      scoreGraphic(precision, recall, f1),
    ]),
  );

function outcomesTable(outcomes: EntityOutcomes): Markup {
  const { correct, wrongEnds, wrongType, wrongBoth, missed, spurious } = outcomes;
  const rows: [string, number, string][] = [
    ["found, type and both ends right", correct, "right"],
    ["right type, other ends", wrongEnds, "wrong"],
    ["right ends, other type", wrongType, "wrong"],
    ["overlapping, other type and ends", wrongBoth, "wrong"],
    ["missed altogether", missed, "wrong"],
    ["answered where there is none", spurious, "wrong"],
  ];
  const largest = Math.max(...rows.map(([, count]) => count));
  return markup`<h3>What became of the entities</h3>${table(
    [{ name: "outcome" }, { name: "entities", isNumber: true }, { name: "", isWide: true }],
    rows.map(([name, count, kind]) => [
      name,
      formatCount(count),
      shareGraphic(count, largest, kind, 150),
    ]),
  )}`;
}

export function hardestSection({ evaluation }: ReportFacts): Part {
  const hardest = evaluation?.hardest;
  if (!hardest || hardest.length === 0) return null;
  const isToken = hardest.some(({ words }) => words);
  const hasScore = hardest.some(({ score }) => score !== undefined);
  return section(
    "hardest",
    "Hardest examples",
    markup`<p>The ${plural(hardest.length, "wrong answer")} with the highest loss: a mislabelled row is often among them. ${isToken && "Marked words show what is true, then what was answered; O is no entity."}${hasScore && "The score is the probability of the answer."}</p><p class="private">These are texts of the data; keep that in mind before you pass this page on.</p>`,
    markup`<ol class="hardest">${hardest.map((example) => (example.words ? taggedItem(example) : textItem(example)))}</ol>`,
  );
}

const textItem = ({ text, pair, truth, answer, score, loss }: HardExample): Markup =>
  markup`<li><blockquote dir="auto">${shorten(text)}</blockquote>${pair !== undefined && markup`<blockquote dir="auto">${shorten(pair)}</blockquote>`}<p class="verdict">truth <b>${list(truth)}</b>, answered <b class="accent">${list(answer)}</b>${score !== undefined && ` · score ${formatScore(score)}`} · loss ${formatScore(loss)}</p></li>`;

/** Labels as a list within a sentence. */
export const list = (labels: readonly string[]): Part =>
  labels.length === 0 ? "none" : labels.map((label, i) => [i > 0 && ", ", foreign(label)]);

/** A sentence whose wrong words carry what is true, and what was answered. */
function taggedItem({ text, truth, answer, words = [], loss }: HardExample): Markup {
  const marks = wrongRuns(truth, answer).filter(({ last }) => last < MAX_WORDS);
  let end = 0;
  const shown = marks.map(({ first, last, truth, answer }): Part => {
    const before = text.slice(end, words[first]!.start);
    end = words[last]!.end;
    const content = text.slice(words[first]!.start, end);
    return [
      before,
      markup`<mark><bdi>${content}</bdi><small dir="ltr">${truth} → ${answer}</small></mark>`,
    ];
  });
  const rest =
    words.length > MAX_WORDS ? [text.slice(end, words[MAX_WORDS]!.start), "…"] : text.slice(end);
  const wrong = truth.filter((tag, i) => tag !== answer[i]).length;
  return markup`<li><blockquote dir="auto">${shown}${rest}</blockquote><p class="verdict">${plural(wrong, "word")} of ${truth.length} wrong · loss ${formatScore(loss)}</p></li>`;
}

/** Neighbouring words with one mistake: an entity missed, made up, or of another type. */
interface WrongRun {
  readonly first: number;
  last: number;
  readonly truth: string;
  readonly answer: string;
}

/**
 * Wrong words by runs that are wrong in the same way. A run has the types (`person`, or `O`); where
 * these agree and only the positions differ it has the tags (`I-person`).
 */
export function wrongRuns(truth: readonly string[], answer: readonly string[]): WrongRun[] {
  const runs: WrongRun[] = [];
  for (const [i, tag] of truth.entries()) {
    const said = answer[i]!;
    if (tag === said) continue;
    const isSameType = typeOf(tag) === typeOf(said);
    const [is, says] = isSameType ? [tag, said] : [typeOf(tag), typeOf(said)];
    const before = runs.at(-1);
    const goesOn =
      before?.last === i - 1 &&
      before.truth === is &&
      before.answer === says &&
      !tag.startsWith("B-");
    if (goesOn) before.last = i;
    else runs.push({ first: i, last: i, truth: is, answer: says });
  }
  return runs;
}

/** `B-person` -> person; `O` stays. */
const typeOf = (tag: string): string => tag.replace(/^[BIESLU]-/, "");

const MAX_WORDS = 120;
const MAX_CHARACTERS = 600;

/** The beginning of a long text, cut between characters as a person sees them. */
export function shorten(text: string, most = MAX_CHARACTERS): string {
  if (text.length <= most) return text;
  let end = 0;
  for (const { index, segment } of new Intl.Segmenter().segment(text.slice(0, most + 64))) {
    if (index + segment.length > most) break;
    end = index + segment.length;
  }
  return `${text.slice(0, end)} …`;
}
