/** The pre-tokenizers of a tokenizer.json, alone or in the sequences that files have. */
import type { RecordReader } from "../../record.ts";
import { stepsOf } from "../json/fields.ts";
import { bertPreTokenizer } from "./bert-pre-tokenizer.ts";
import { readByteLevel, readSplitBytes } from "./byte-level.ts";
import { readMetaspace } from "./metaspace.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";

const ALONE = new Map<string, (fields: RecordReader) => PreTokenizer>([
  ["BertPreTokenizer", bertPreTokenizer],
  ["ByteLevel", readByteLevel],
  ["Metaspace", (fields) => readMetaspace(fields)],
]);

export const PRE_TOKENIZERS: readonly string[] = [
  ...ALONE.keys(),
  "Sequence of WhitespaceSplit and Metaspace",
  "Sequence of Split (by the patterns of GPT-2 and Llama 3) and ByteLevel",
];

/** Reads a pre-tokenizer; null for a type or a sequence that is not built here. */
export function readPreTokenizer(fields: RecordReader): PreTokenizer | null {
  const type = fields.string("type");
  if (type !== "Sequence") return ALONE.get(type)?.(fields) ?? null;
  const steps = stepsOf(fields, "pretokenizers");
  const types = steps.map((step) => step.string("type"));
  if (types.join() === "WhitespaceSplit,Metaspace") return readMetaspace(steps[1]!, true);
  if (types.join() === "Split,ByteLevel") return readSplitBytes(steps[0]!, steps[1]!);
  return types.length === 1 ? readPreTokenizer(steps[0]!) : null;
}
