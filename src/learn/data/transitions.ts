/**
 * Transitions of a token task, counted in its training rows. A model that reads the whole text knows
 * most of what neighbouring tags say about each other, so only a share of their pointwise mutual
 * information is added to its logits; what the rows show to be impossible is ruled out.
 */
import type { Transitions } from "../../core/model/transitions.ts";
import { tagReader } from "../../core/model/spans.ts";

/**
 * Share of the mutual information. Entities and slots of the bundled tasks are found best between
 * 0.15 and 0.3, on both bases; 1 is worse than no transitions at all.
 */
const SHARE = 0.2;
/**
 * Observations that every tag is given beforehand, spread over the next tags as those are everywhere:
 * what a handful of rows happens to lack is no rule.
 */
const PRIOR = 10;
/** Far below what logits can outweigh, and exact in float16. */
const IMPOSSIBLE = -100;
/**
 * So many of a type's entities may begin with `I-` in a set where they should begin with `B-`: slips of
 * the annotators, which change no rule. In an IOB1 set most do.
 */
const MAX_SLIPS = 0.01;

/**
 * Transitions from label chains, one a text; a label outside 0..C-1 interrupts its chain. Where a type's
 * entities begin with a tag of their own (`B-`, `S-`), a tag that goes on with one (`I-`, `E-`) is
 * impossible after what it never followed, unless that is of the same entity: three words of one kind in
 * a row may just not have occurred. A type that no row begins has no such rule.
 */
export function countTransitions(
  chains: Iterable<Int32Array>,
  labels: readonly string[],
): Transitions {
  const C = labels.length;
  const START = C;
  const counts = new Float64Array((C + 1) * C);
  const totals = new Float64Array(C + 1);
  const overall = new Float64Array(C).fill(1);
  for (const chain of chains) {
    let from = START;
    for (const to of chain) {
      const isKnown = to >= 0 && to < C;
      if (isKnown) overall[to]! += 1;
      if (isKnown && from >= 0) {
        counts[from * C + to]! += 1;
        totals[from]! += 1;
      }
      from = isKnown ? to : -1;
    }
  }
  const all = overall.reduce((sum, count) => sum + count, 0);
  const tags = labels.map(tagReader(labels));
  const goesOn = tags.map(({ type, isBegin }, id) => type !== labels[id] && !isBegin);
  // Of each type, how often an entity begins as it should, and how often with a tag that goes on.
  const begun = new Map<string, number>();
  const slipped = new Map<string, number>();
  const add = (to: Map<string, number>, type: string, count: number) =>
    void to.set(type, (to.get(type) ?? 0) + count);
  for (const [to, { type, isBegin }] of tags.entries()) {
    if (isBegin) add(begun, type, overall[to]! - 1);
    for (let from = 0; goesOn[to] && from <= C; from++) {
      if (tags[from]?.type !== type) add(slipped, type, counts[from * C + to]!);
    }
  }
  const isStrict = (type: string): boolean => {
    const [proper, slips] = [begun.get(type) ?? 0, slipped.get(type) ?? 0];
    return proper > 0 && slips <= MAX_SLIPS * (proper + slips);
  };
  const score = (from: number, to: number): number => {
    const count = counts[from * C + to]!;
    const { type } = tags[to]!;
    const isNew = count === 0 && tags[from]?.type !== type;
    if (goesOn[to] && isNew && isStrict(type)) return IMPOSSIBLE;
    const expected = overall[to]! / all;
    return SHARE * Math.log((count + PRIOR * expected) / ((totals[from]! + PRIOR) * expected));
  };
  const row = (from: number): Float32Array =>
    Float32Array.from({ length: C }, (_, to) => score(from, to));
  const between = new Float32Array(C * C);
  for (let from = 0; from < C; from++) between.set(row(from), from * C);
  return { between, start: row(START) };
}
