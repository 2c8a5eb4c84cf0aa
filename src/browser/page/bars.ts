/** Labels as bars: how many are shown, how long each is, and what its score reads like. */

export interface Scored {
  readonly label: string;
  readonly score: number;
}

/** Labels that are shown at first; a task may have a hundred. */
export const SHOWN_BARS = 5;

/** The labels that are shown at first and the rest; all at once where the rest would be one alone. */
export function firstBars<T>(labels: readonly T[]): {
  readonly first: readonly T[];
  readonly rest: readonly T[];
} {
  const cut = labels.length <= SHOWN_BARS + 1 ? labels.length : SHOWN_BARS;
  return { first: labels.slice(0, cut), rest: labels.slice(cut) };
}

/** A probability for people: it reads 100 or 0 only where it is. */
export function percentOf(score: number): string {
  const text = (100 * score).toFixed(2);
  if (text === "100.00" && score < 1) return "> 99.99 %";
  if (text === "0.00" && score > 0) return "< 0.01 %";
  return `${text} %`;
}

/** The length of a bar as a share of its track, from 0 to 1. */
export const shareOf = (score: number): number => Math.min(1, Math.max(0, score));
