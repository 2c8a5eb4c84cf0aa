/** Post-processors as one thing: a list of special tokens and sequences with their type ids. */

/** A special token's ids, or one of the two texts (0 = first, 1 = second). */
export type Step =
  | { readonly ids: readonly number[]; readonly typeId: number }
  | { readonly sequence: 0 | 1; readonly typeId: number };

/** What surrounds one text, and a pair. */
export interface Template {
  readonly single: readonly Step[];
  readonly pair: readonly Step[];
}

/** A file without a post-processor: the bare texts, the second with type id 1. */
export const BARE_TEMPLATE: Template = {
  single: [{ sequence: 0, typeId: 0 }],
  pair: [
    { sequence: 0, typeId: 0 },
    { sequence: 1, typeId: 1 },
  ],
};

/** BertProcessing: [CLS] A [SEP], and [CLS] A [SEP] B [SEP] where "B [SEP]" has type id 1. */
export function bertTemplate(clsId: number, sepId: number): Template {
  const single: Step[] = [
    { ids: [clsId], typeId: 0 },
    { sequence: 0, typeId: 0 },
    { ids: [sepId], typeId: 0 },
  ];
  return { single, pair: [...single, { sequence: 1, typeId: 1 }, { ids: [sepId], typeId: 1 }] };
}

/** Number of special tokens in a list of steps. */
export function specialTokensOf(steps: readonly Step[]): number {
  return steps.reduce((count, step) => count + ("ids" in step ? step.ids.length : 0), 0);
}
