/**
 * Examples -> features: token ids and label ids, through the very tokenizer and windows that serve.
 * Made once and kept in memory: 67,000 short sentences are some 10 MB.
 */
import type { TaskType } from "../../core/model/task.ts";
import type { Encoding, Tokenizer } from "../../core/tokenizer/tokenizer.ts";
import { softmax } from "../../core/model/decode.ts";
import { splitWindows } from "../../core/model/windows.ts";
import { continued } from "../../core/model/transitions.ts";
import { partTags } from "./part-tags.ts";
import { wordShapes } from "../../core/model/word-shapes.ts";
import type { Example } from "./read.ts";
import { scaled } from "./label-scale.ts";
import type { LabelScale } from "./label-scale.ts";
import { IGNORED_LABEL } from "../graph/loss.ts";

export interface Feature {
  readonly ids: Int32Array; // [t], special tokens included
  readonly typeIds: Int32Array; // [t]
  /** Sequence: [1], or every label of a text with several. Token: [t], IGNORED_LABEL where nothing is learned. */
  readonly labels: Int32Array;
  /** Where the row gives a share for each label, or a teacher answered it: the truth's part in the loss. */
  readonly shares?: Float32Array; // [C]
  /** The teacher's answer, softened, as its part in the loss. */
  readonly taught?: Float32Array; // [C]
  /** Regression: the number to be found, scaled. */
  readonly value?: number;
  /** Token: the position of each word's first piece, -1 for a word that was cut off or has none. */
  readonly firstPieces: Int32Array;
  /** Token: of each position, the shape of its word (core/model/word-shapes.ts), -1 for special tokens. */
  readonly shapes?: Int32Array; // [t]
  /** Token, where tags are chosen together: the label of each of the tokenizer's words, in order. */
  readonly chain?: Int32Array;
}

export interface FeatureOptions {
  readonly type: TaskType;
  readonly labels: readonly string[];
  /** Regression: labels are numbers, learned in this scale. */
  readonly scale?: LabelScale | null;
  /** Longer texts are cut (the longer text of a pair first). */
  readonly maxLength: number;
  /** Token: tags are chosen together, so each of the tokenizer's words within an entity's word has its own. */
  readonly readsWords?: boolean;
  /** Token: also label the later pieces of a word, with the I- form of its tag. */
  readonly labelAllTokens?: boolean;
  /** How rows that a teacher answered are learned. */
  readonly teaching?: Teaching | null;
}

/** How much of the loss is a teacher's, and how soft its answers are made. */
export interface Teaching {
  /** Its part in the loss of a row that has a label; of one without a label it is 1. */
  readonly share: number;
  /** What its logits and the student's are divided by before they are compared. */
  readonly temperature: number;
}

/** One feature an example, in order. A label outside the list becomes IGNORED_LABEL. */
export function featuresOf(
  examples: readonly Example[],
  tokenizer: Tokenizer,
  options: FeatureOptions,
): Feature[] {
  const idOf = new Map(options.labels.map((label, id) => [label, id]));
  const ids = (label: string): number => idOf.get(label) ?? IGNORED_LABEL;
  return examples.map((example) => {
    const encoding = encode(example, tokenizer, options.maxLength);
    if (options.type === "token") return tokenFeature(example, encoding, ids, options);
    const feature = {
      ids: encoding.ids,
      typeIds: encoding.typeIds,
      firstPieces: new Int32Array(0),
    };
    if (options.scale) {
      const value = scaled(example.labels[0]!, options.scale);
      return { ...feature, labels: new Int32Array(0), value };
    }
    const labels = Int32Array.from(example.labels, ids);
    return { ...feature, labels, ...softTruth(example, idOf, options.teaching ?? null) };
  });
}

/** What a row with shares, or one that a teacher answered, is compared with; nothing for any other. */
function softTruth(
  { labels, shares, taught }: Example,
  idOf: ReadonlyMap<string, number>,
  teaching: Teaching | null,
): Pick<Feature, "shares" | "taught"> {
  if (!shares && !(taught && teaching)) return {};
  const truth = new Float32Array(idOf.size);
  const own = taught && teaching ? 1 - teaching.share : 1;
  for (const [label, share] of shares ?? labels.map((name) => [name, 1] as const)) {
    const id = idOf.get(label);
    if (id !== undefined) truth[id] = own * share;
  }
  if (!taught || !teaching) return { shares: truth };
  const { share, temperature } = teaching;
  // Gradients of softened answers are smaller by the temperature's square (Hinton et al. 2015).
  const part = (labels.length === 0 ? 1 : share) * temperature ** 2;
  const answer = softmax(Float32Array.from(taught), temperature);
  return { shares: truth, taught: Float32Array.from(answer, (value) => part * value) };
}

function encode({ text, pair }: Example, tokenizer: Tokenizer, maxLength: number): Encoding {
  const { windows } = splitWindows(tokenizer, text, pair, {
    maxLength,
    stride: 0,
    truncation: true,
  });
  return windows[0]!.encoding;
}

function tokenFeature(
  { text, labels: tags, words }: Example,
  encoding: Encoding,
  idOf: (label: string) => number,
  { labels: list, readsWords = false, labelAllTokens = false }: FeatureOptions,
): Feature {
  const { ids, typeIds, starts, wordIds, sequenceIds } = encoding;
  const labels = new Int32Array(ids.length).fill(IGNORED_LABEL);
  const shapes = wordShapes(text, encoding).map((shape, t) => (sequenceIds[t] === 0 ? shape : -1));
  const chain: number[] = [];
  const firstPieces = new Int32Array(words.length).fill(-1);
  // Of each word, where its parts begin: its first piece, and every word of the tokenizer's within.
  const parts: number[][] = words.map(() => []);
  const wordOf = new Int32Array(ids.length).fill(-1);
  let word = -1;
  for (let t = 0; t < ids.length; t++) {
    if (sequenceIds[t] !== 0) continue;
    // Pieces and words are both in text order; a word may have no piece at all.
    while (word + 1 < words.length && words[word + 1]!.start <= starts[t]!) word += 1;
    if (word < 0) continue;
    const isFirst = firstPieces[word] === -1;
    wordOf[t] = word;
    if (isFirst) firstPieces[word] = t;
    if (isFirst || wordIds[t] !== wordIds[t - 1]) parts[word]!.push(t);
  }
  const tagsOf = partTags(list);
  for (const [w, begins] of parts.entries()) {
    const own = readsWords ? tagsOf(tags[w]!, begins.length) : [tags[w]!];
    for (const [part, tag] of own.entries()) {
      const from = begins[part];
      if (from === undefined) continue;
      const label = tag === null ? IGNORED_LABEL : idOf(tag);
      chain.push(label);
      // Addresses and user names are many parts, all outside: learning each teaches that little is a
      // name (docs/accuracy.md).
      if (part === 0 || tag !== "O" || labelAllTokens) labels[from] = label;
      if (!labelAllTokens || tag === null) continue;
      const to = part + 1 < own.length ? begins[part + 1]! : Infinity;
      for (let t = from + 1; t < to && wordOf[t] === w; t++) {
        labels[t] = idOf(continued(tag));
      }
    }
  }
  const feature = { ids, typeIds, labels, firstPieces, shapes };
  return readsWords ? { ...feature, chain: Int32Array.from(chain) } : feature;
}
