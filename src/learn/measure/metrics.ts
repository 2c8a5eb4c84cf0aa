/**
 * What a model got right: accuracy, F1 and Matthews correlation for classes, micro and macro F1 for
 * sets of labels, entity precision, recall and F1 for tags. Numbers equal scikit-learn's and
 * seqeval's (default mode), checked in test/unit/training/metrics.test.ts. Numbers as labels: correlation.ts.
 */

/** One line of a per-label table. */
export interface LabelScore {
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** How often the label is true. */
  readonly support: number;
}

export interface ClassMetrics {
  readonly accuracy: number;
  /** Mean F1 over the labels that occur, as truth or as prediction. */
  readonly macro_f1: number;
  readonly matthews: number;
  readonly rows: number;
  readonly labels: readonly LabelScore[];
}

export interface MultiLabelMetrics {
  /** Over all decisions of all rows together. */
  readonly micro_precision: number;
  readonly micro_recall: number;
  readonly micro_f1: number;
  /** Mean F1 over all labels, those that never occur included. */
  readonly macro_f1: number;
  /** Share of rows whose whole set is right. */
  readonly subset_accuracy: number;
  readonly rows: number;
  readonly labels: readonly LabelScore[];
}

export interface EntityMetrics {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Share of words whose tag is right. */
  readonly token_accuracy: number;
  readonly rows: number;
  readonly labels: readonly LabelScore[];
}

/** Entity of a tag sequence: `type`, first and last index. */
export type TagSpan = readonly [type: string, start: number, end: number];

/** Single-label classification: true and predicted label of every row. */
export function classMetrics(truth: readonly string[], predicted: readonly string[]): ClassMetrics {
  const rows = truth.length;
  const counts = new Counts();
  let correct = 0;
  for (let i = 0; i < rows; i++) {
    const [is, says] = [truth[i]!, predicted[i]!];
    counts.add(is, "support");
    counts.add(says, "predicted");
    if (is !== says) continue;
    counts.add(is, "correct");
    correct += 1;
  }
  const labels = counts.scores();
  return {
    accuracy: ratio(correct, rows),
    macro_f1: ratio(
      labels.reduce((sum, { f1 }) => sum + f1, 0),
      labels.length,
    ),
    matthews: matthews(counts, correct, rows),
    rows,
    labels,
  };
}

/** Any number of labels a row: true and predicted set of every row; `labels` are all there are. */
export function multiLabelMetrics(
  labels: readonly string[],
  truth: readonly (readonly string[])[],
  predicted: readonly (readonly string[])[],
): MultiLabelMetrics {
  const counts = new Counts();
  for (const label of labels) counts.add(label);
  let exact = 0;
  for (const [row, names] of truth.entries()) {
    const is = new Set(names);
    const says = new Set(predicted[row]);
    for (const label of is) counts.add(label, "support");
    for (const label of says) {
      counts.add(label, "predicted");
      if (is.has(label)) counts.add(label, "correct");
    }
    if (is.size === says.size && [...is].every((label) => says.has(label))) exact += 1;
  }
  const scores = counts.scores();
  const { precision, recall, f1 } = counts.total();
  return {
    micro_precision: precision,
    micro_recall: recall,
    micro_f1: f1,
    macro_f1: ratio(
      scores.reduce((sum, { f1 }) => sum + f1, 0),
      scores.length,
    ),
    subset_accuracy: ratio(exact, truth.length),
    rows: truth.length,
    labels: scores,
  };
}

/** R_k of Gorodkin (2004), which is Matthews' phi for two classes; 0 when one side is constant. */
function matthews(counts: Counts, correct: number, rows: number): number {
  let both = 0;
  let truth = rows * rows;
  let predicted = rows * rows;
  for (const count of counts.values()) {
    both += count.support * count.predicted;
    truth -= count.support ** 2;
    predicted -= count.predicted ** 2;
  }
  return ratio(correct * rows - both, Math.sqrt(truth * predicted));
}

/** Entities of every row, counted as right only when type and both ends agree. */
export function entityMetrics(
  truth: readonly (readonly string[])[],
  predicted: readonly (readonly string[])[],
): EntityMetrics {
  const counts = new Counts();
  let words = 0;
  let right = 0;
  for (const [row, tags] of truth.entries()) {
    const said = predicted[row]!;
    const expected = new Set(entitiesOf(tags).map((span) => span.join("\t")));
    for (const span of expected) counts.add(span.slice(0, span.indexOf("\t")), "support");
    for (const span of entitiesOf(said)) {
      counts.add(span[0], "predicted");
      if (expected.has(span.join("\t"))) counts.add(span[0], "correct");
    }
    words += tags.length;
    right += tags.filter((tag, i) => tag === said[i]).length;
  }
  const { precision, recall, f1 } = counts.total();
  return {
    precision,
    recall,
    f1,
    token_accuracy: ratio(right, words),
    rows: truth.length,
    labels: counts.scores(),
  };
}

/**
 * Spans of a tag sequence as seqeval's default mode (and conlleval before it) reads them: lenient,
 * so an I- without a B- begins an entity, and a change of type begins another.
 */
export function entitiesOf(tags: readonly string[]): TagSpan[] {
  const spans: TagSpan[] = [];
  let before = { position: "O", type: "" };
  let start = 0;
  for (let i = 0; i <= tags.length; i++) {
    const now = partsOf(tags[i] ?? "O");
    const isOpen = before.position !== "O";
    const typeChanged = before.type !== now.type;
    const closes =
      "ES".includes(before.position) ||
      ("BI".includes(before.position) && "BSO".includes(now.position));
    if (isOpen && (closes || typeChanged)) spans.push([before.type, start, i - 1]);
    const opens =
      "BS".includes(now.position) ||
      ("IE".includes(now.position) && "ESO".includes(before.position));
    if (opens || (now.position !== "O" && typeChanged)) start = i;
    before = now;
  }
  return spans;
}

/** `B-per-son` -> B, `per-son`; a tag without a type has the type "_". */
function partsOf(tag: string): { position: string; type: string } {
  const rest = tag.slice(1);
  return { position: tag[0] ?? "O", type: rest.slice(rest.indexOf("-") + 1) || "_" };
}

interface Count {
  support: number;
  predicted: number;
  correct: number;
}

/** True, predicted and correct counts by label. */
class Counts {
  readonly #byLabel = new Map<string, Count>();

  /** Counts one; without `what` the label only becomes known. */
  add(label: string, what?: keyof Count): void {
    const count = this.#byLabel.get(label) ?? { support: 0, predicted: 0, correct: 0 };
    if (what) count[what] += 1;
    this.#byLabel.set(label, count);
  }

  /** All labels as one. */
  total(): LabelScore {
    const all = { support: 0, predicted: 0, correct: 0 };
    for (const count of this.values()) {
      all.support += count.support;
      all.predicted += count.predicted;
      all.correct += count.correct;
    }
    return scoreOf("", all);
  }

  values(): Iterable<Count> {
    return this.#byLabel.values();
  }

  scores(): LabelScore[] {
    return [...this.#byLabel]
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([label, count]) => scoreOf(label, count));
  }
}

function scoreOf(label: string, { support, predicted, correct }: Count): LabelScore {
  const precision = ratio(correct, predicted);
  const recall = ratio(correct, support);
  return { label, precision, recall, f1: ratio(2 * correct, support + predicted), support };
}

/** a / b, and 0 for 0 / 0, as the libraries define it. */
const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
