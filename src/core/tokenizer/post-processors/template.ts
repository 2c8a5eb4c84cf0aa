/** Post-processors as one thing: a list of special tokens and sequences with their type ids. */
import { FormatError } from "../../errors.ts";
import { INVALID, SUBJECT } from "../json/fields.ts";

/** A special token's ids, or one of the two texts (0 = first, 1 = second). */
export type Step =
  | { readonly ids: readonly number[]; readonly typeId: number }
  | { readonly sequence: 0 | 1; readonly typeId: number };

/** What surrounds one text, and a pair. */
export interface Template {
  readonly single: readonly Step[];
  readonly pair: readonly Step[];
}

/** What happens to tokens after the model. */
export interface PostProcessor {
  readonly template: Template;
  /** Whether offsets leave out the spaces of byte-level tokens (trim-offsets.ts), and how; null: they do not. */
  readonly trimming: { readonly addsPrefixSpace: boolean } | null;
}

/** A file without a post-processor: the bare texts, the second with type id 1. */
export const BARE_TEMPLATE: Template = {
  single: [{ sequence: 0, typeId: 0 }],
  pair: [
    { sequence: 0, typeId: 0 },
    { sequence: 1, typeId: 1 },
  ],
};

/** Number of special tokens in a list of steps. */
export function specialTokensOf(steps: readonly Step[]): number {
  return steps.reduce((count, step) => count + ("ids" in step ? step.ids.length : 0), 0);
}

/** Throws FormatError `tokenizer-invalid` for a special token that the vocabulary does not have. */
export function checkTemplateIds(template: Template, vocabSize: number): void {
  for (const step of [...template.single, ...template.pair]) {
    const wrong = "ids" in step ? step.ids.find((id) => id >= vocabSize) : undefined;
    if (wrong !== undefined) {
      throw new FormatError(
        INVALID,
        `${SUBJECT}: post-processor adds id ${wrong}, the highest id is ${vocabSize - 1}`,
      );
    }
  }
}
