/** BertProcessing: the special tokens of BERT, by two ids. */
import { describe, type RecordReader } from "../../record.ts";
import { checkId } from "../json/fields.ts";
import type { Step, Template } from "./template.ts";

/** `{ "type": "BertProcessing", .. }` of a tokenizer.json. */
export const readBertProcessing = (fields: RecordReader): Template =>
  bertTemplate(readSpecialToken(fields, "cls"), readSpecialToken(fields, "sep"));

/** The id of a special token that a field gives as [token, id]. */
export function readSpecialToken(fields: RecordReader, field: "cls" | "sep"): number {
  const pair = fields.list(field, 2, (value) => value);
  if (pair.length !== 2 || typeof pair[0] !== "string") {
    return fields.fail(`"${field}" is ${describe(pair)}, expected [token, id]`);
  }
  return checkId(fields, field, pair[1]);
}

/** BertProcessing: [CLS] A [SEP], and [CLS] A [SEP] B [SEP] where "B [SEP]" has type id 1. */
function bertTemplate(clsId: number, sepId: number): Template {
  const single: Step[] = [
    { ids: [clsId], typeId: 0 },
    { sequence: 0, typeId: 0 },
    { ids: [sepId], typeId: 0 },
  ];
  return { single, pair: [...single, { sequence: 1, typeId: 1 }, { ids: [sepId], typeId: 1 }] };
}
