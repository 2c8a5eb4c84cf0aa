/** Two answers to one text, of the Worker and of this browser: whether they are the same, and how nearly. */
import type { Scored } from "./bars.ts";
import type { FoundEntity } from "./segments.ts";

/** How two answers differ. `scores` is the largest difference of two scores; 0 means equal to the bit. */
export type Difference =
  { readonly kind: "same"; readonly scores: number } | { readonly kind: "different" };

/**
 * Compares two results of one task. The same labels with other scores are the same answer, as long
 * as the best one is the same; entities are the same where they stand at the same places.
 */
export function compare(type: "sequence" | "token", a: unknown, b: unknown): Difference {
  return type === "token"
    ? compareLists(a as readonly FoundEntity[], b as readonly FoundEntity[], placeOf)
    : compareLists(
        a as readonly Scored[],
        byBest(b as readonly Scored[], a as readonly Scored[]),
        nameOf,
      );
}

const nameOf = ({ label }: Scored): string => label;
const placeOf = ({ entity_group: group, start, end }: FoundEntity): string =>
  JSON.stringify([group, start, end]);

/** `b` in the order of `a`, so that labels behind the best may change places. */
function byBest(b: readonly Scored[], a: readonly Scored[]): readonly Scored[] {
  if (b[0]?.label !== a[0]?.label) return b;
  const scores = new Map(b.map((item) => [item.label, item]));
  return a.map(({ label }) => scores.get(label)).filter((item) => item !== undefined);
}

function compareLists<T extends { readonly score: number }>(
  a: readonly T[],
  b: readonly T[],
  nameOf: (item: T) => string,
): Difference {
  if (a.length !== b.length || a.some((item, at) => nameOf(item) !== nameOf(b[at]!))) {
    return { kind: "different" };
  }
  const scores = a.reduce(
    (most, { score }, at) => Math.max(most, Math.abs(score - b[at]!.score)),
    0,
  );
  return { kind: "same", scores };
}

/** The difference in words. */
export function differenceLine(difference: Difference): string {
  if (difference.kind === "different") return "The two answers differ.";
  return difference.scores === 0
    ? "The same answer, to the last bit."
    : `The same answer; scores differ by ${difference.scores.toExponential(1)} at most.`;
}
