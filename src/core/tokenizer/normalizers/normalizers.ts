/** The normalizers of a tokenizer.json, alone or in a sequence, as one. */
import type { RecordReader } from "../../record.ts";
import { stepsOf } from "../json/fields.ts";
import { TextBuffer } from "../text/text-buffer.ts";
import { readBertNormalizer } from "./bert-normalizer.ts";
import { normalForm } from "./normal-forms.ts";
import { identityNormalizer, type Normalizer } from "./normalizer.ts";
import { readPrecompiled } from "./precompiled.ts";
import { chain, type Rewriter } from "./rewriter.ts";
import { lowercase, readReplace, readStrip, stripAccents } from "./simple.ts";

const REWRITERS = new Map<string, (fields: RecordReader) => Rewriter | null>([
  ["NFC", () => normalForm("NFC")],
  ["NFD", () => normalForm("NFD")],
  ["NFKC", () => normalForm("NFKC")],
  ["NFKD", () => normalForm("NFKD")],
  ["Lowercase", lowercase],
  ["StripAccents", stripAccents],
  ["Strip", readStrip],
  ["Replace", readReplace],
  ["Precompiled", readPrecompiled],
]);

export const NORMALIZERS: readonly string[] = ["BertNormalizer", ...REWRITERS.keys(), "Sequence"];

/** Reads a normalizer; null for a type, in a sequence too, that is not built here. */
export function readNormalizer(fields: RecordReader): Normalizer | null {
  const steps = stepsOf(fields, "normalizers");
  let first: Normalizer = identityNormalizer;
  const rewriters: Rewriter[] = [];
  for (const [i, step] of steps.entries()) {
    const type = step.string("type");
    if (type === "BertNormalizer" && i === 0) {
      first = readBertNormalizer(step);
      continue;
    }
    const rewriter = REWRITERS.get(type)?.(step);
    if (!rewriter) return null;
    rewriters.push(rewriter);
  }
  return chain(first, rewriters, [new TextBuffer(), new TextBuffer()]);
}
