/** The post-processors of a tokenizer.json, alone or in a sequence, as one. */
import type { RecordReader } from "../../record.ts";
import { readFlag, stepsOf } from "../json/fields.ts";
import { readBertProcessing } from "./bert-processing.ts";
import { readRobertaProcessing } from "./roberta-processing.ts";
import { BARE_TEMPLATE, type PostProcessor, type Template } from "./template.ts";
import { readTemplateProcessing } from "./template-processing.ts";

/** A step of a sequence: a template, trimming, or both. */
type Part = Partial<PostProcessor>;

const template =
  (read: (fields: RecordReader) => Template) =>
  (fields: RecordReader): Part => ({ template: read(fields) });

const trimming = (fields: RecordReader): Part =>
  readFlag(fields, "trim_offsets")
    ? { trimming: { addsPrefixSpace: readFlag(fields, "add_prefix_space") } }
    : {};

const PARTS = new Map<string, (fields: RecordReader) => Part>([
  ["TemplateProcessing", template(readTemplateProcessing)],
  ["BertProcessing", template(readBertProcessing)],
  [
    "RobertaProcessing",
    (fields) => ({ template: readRobertaProcessing(fields), ...trimming(fields) }),
  ],
  ["ByteLevel", trimming],
]);

export const POST_PROCESSORS: readonly string[] = [...PARTS.keys(), "Sequence"];

/** Reads a post-processor; null for a type, in a sequence too, that is not built here. */
export function readPostProcessor(fields: RecordReader): PostProcessor | null {
  const steps = stepsOf(fields, "processors");
  let found: PostProcessor = { template: BARE_TEMPLATE, trimming: null };
  for (const step of steps) {
    const read = PARTS.get(step.string("type"));
    if (!read) return null;
    const part = read(step);
    if (part.template && found.template !== BARE_TEMPLATE) {
      return step.fail("is the second that adds special tokens");
    }
    found = { ...found, ...part };
  }
  return found;
}
