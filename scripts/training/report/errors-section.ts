/** Where does it err: confusions, a table of labels or entity types, the hardest examples. */
import { confusionMatrix, topConfusions } from "./confusion.ts";
import type { EntityOutcomes, HardExample, ReportFacts } from "./facts.ts";
import { markup } from "./markup.ts";
import type { Markup, Part } from "./markup.ts";
import { formatCount, formatScore, formatShare, plural } from "./numbers.ts";
import { chunks, figure, figures, foreign, section, table } from "./parts.ts";
import { scoreGraphic, shareGraphic } from "./word-graphics.ts";

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
  const columns = [
    { name: type === "token" ? "entity type" : "label" },
    { name: "F1", isNumber: true },
    { name: "0 to 1", isWide: true },
    { name: "precision", isNumber: true },
    { name: "recall", isNumber: true },
    { name: type === "token" ? "entities" : "rows", isNumber: true },
  ];
  return section(
    "labels",
    type === "token" ? "Entity types" : "Labels",
    markup`<p>Lowest F1 first. The dot is F1, the bar reaches from precision to recall.</p>`,
    figures(
      chunks(worstFirst, LABELS_A_COLUMN).map((part) =>
        table(
          columns,
          part.map(({ label, precision, recall, f1, support }) => [
            foreign(label),
            formatScore(f1),
            scoreGraphic(precision, recall, f1),
            formatScore(precision),
            formatScore(recall),
            formatCount(support),
          ]),
        ),
      ),
    ),
    evaluation.entities && outcomesTable(evaluation.entities),
  );
}

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
    markup`<p>The ${plural(hardest.length, "wrong answer")} with the highest loss: a mislabelled row is often among them. ${isToken && "Marked words show their true tag, then the answer."}${hasScore && "The score is the probability of the answer."}</p><p class="private">These are texts of the data; keep that in mind before you pass this page on.</p>`,
    markup`<ol class="hardest">${hardest.map((example) => (example.words ? taggedItem(example) : textItem(example)))}</ol>`,
  );
}

const textItem = ({ text, pair, truth, answer, score, loss }: HardExample): Markup =>
  markup`<li><blockquote dir="auto">${shorten(text)}</blockquote>${pair !== undefined && markup`<blockquote dir="auto">${shorten(pair)}</blockquote>`}<p class="verdict">truth <b>${list(truth)}</b>, answered <b class="accent">${list(answer)}</b>${score !== undefined && ` · score ${formatScore(score)}`} · loss ${formatScore(loss)}</p></li>`;

const list = (labels: readonly string[]): Part =>
  labels.length === 0 ? "none" : labels.map((label, i) => [i > 0 && ", ", foreign(label)]);

/** A sentence whose wrong words carry both tags. Long ones are cut around nothing: words are few. */
function taggedItem({ text, truth, answer, words = [], loss }: HardExample): Markup {
  let end = 0;
  const shown = words.slice(0, MAX_WORDS).map((word, i): Part => {
    const between = text.slice(end, word.start);
    end = word.end;
    const content = text.slice(word.start, word.end);
    if (truth[i] === answer[i]) return [between, content];
    return [
      between,
      markup`<mark><bdi>${content}</bdi><small dir="ltr">${truth[i]} → ${answer[i]}</small></mark>`,
    ];
  });
  const rest = words.length > MAX_WORDS ? " …" : text.slice(end);
  const wrong = truth.filter((tag, i) => tag !== answer[i]).length;
  return markup`<li><blockquote dir="auto">${shown}${rest}</blockquote><p class="verdict">${plural(wrong, "word")} of ${truth.length} wrong · loss ${formatScore(loss)}</p></li>`;
}

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
