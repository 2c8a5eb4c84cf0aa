/**
 * Scores of labels that are named with the request, from vectors [H] of length 1: of a text, and of the
 * sentence that each label becomes. A cosine is no probability, so it is scaled as in the training of
 * sentence encoders and compared with the cosines of the other labels.
 */

/** Contrastive training of sentence encoders scales cosines by 20 (arXiv 1908.10084's library). */
export const LABEL_SCALE = 20;

/** How a label becomes a sentence unless the request says it. */
export const DEFAULT_TEMPLATE = "This text is about {}.";
/** In the place of a label: what is true of any text. */
export const ANYTHING = "something";

/** The sentence that a label becomes; nothing for a label of spaces. */
export const sentenceOf = (label: string, template = DEFAULT_TEMPLATE): string =>
  label.trim() === "" ? "" : template.replaceAll("{}", () => label.trim());

/** Cosine of two vectors of length 1. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** One of the labels is right: scores that add up to 1. */
export function scoreLabels(text: Float32Array, labels: readonly Float32Array[]): number[] {
  const logits = labels.map((label) => LABEL_SCALE * cosine(text, label));
  const top = Math.max(...logits);
  const exps = logits.map((logit) => Math.exp(logit - top));
  const sum = exps.reduce((all, value) => all + value, 0);
  return exps.map((value) => value / sum);
}

/** Each label for itself, against `neutral`: the same sentence that says nothing of the text. */
export function scoreLabelsApart(
  text: Float32Array,
  labels: readonly Float32Array[],
  neutral: Float32Array,
): number[] {
  const bar = cosine(text, neutral);
  return labels.map((label) => 1 / (1 + Math.exp(LABEL_SCALE * (bar - cosine(text, label)))));
}
