/** Asks the predictor for many texts, so that its runs are full. */
import type { Outcome, Progress, TextInput } from "../../serve/prediction.ts";

/**
 * Outcomes in the order of the asks, which are asked by length: rows that share a run are padded to the
 * longest, and one that does not fit begins another run.
 */
export async function askByLength<A, T>(
  asks: readonly A[],
  lengthOf: (ask: A) => number,
  run: (asks: readonly A[]) => AsyncIterable<Outcome<T> | Progress>,
): Promise<Outcome<T>[]> {
  if (asks.length === 0) return [];
  const order = [...asks.keys()].sort((a, b) => lengthOf(asks[a]!) - lengthOf(asks[b]!));
  const outcomes: Outcome<T>[] = [];
  for await (const outcome of run(order.map((i) => asks[i]!))) {
    if ("progress" in outcome) continue;
    const index = order[outcome.index]!;
    outcomes[index] = { ...outcome, index };
  }
  return outcomes;
}

export const lengthOfInput = ({ text, text_pair: pair = "" }: TextInput): number =>
  text.length + pair.length;
