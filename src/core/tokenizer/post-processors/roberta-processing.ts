/** RobertaProcessing: <s> A </s>, and <s> A </s> </s> B </s>, all of type 0. */
import type { RecordReader } from "../../record.ts";
import { readSpecialToken } from "./bert-processing.ts";
import type { Step, Template } from "./template.ts";

/** `{ "type": "RobertaProcessing", .. }` of a tokenizer.json. */
export function readRobertaProcessing(fields: RecordReader): Template {
  const cls = { ids: [readSpecialToken(fields, "cls")], typeId: 0 };
  const sep = { ids: [readSpecialToken(fields, "sep")], typeId: 0 };
  const single: Step[] = [cls, { sequence: 0, typeId: 0 }, sep];
  return { single, pair: [...single, sep, { sequence: 1, typeId: 0 }, sep] };
}
