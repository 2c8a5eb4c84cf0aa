/** TemplateProcessing: special tokens and sequences as the file lists them. */
import { describe, readRecord, type RecordReader } from "../../record.ts";
import { INVALID, MAX_ID, checkId } from "../json/fields.ts";
import type { Step, Template } from "./template.ts";

/** Steps of a template and ids of a special token; real files have at most five. */
const MAX_TEMPLATE = 64;

/** `{ "type": "TemplateProcessing", .. }` of a tokenizer.json. */
export function readTemplateProcessing(fields: RecordReader): Template {
  const special = fields.record("special_tokens");
  const idsOf = new Map<string, readonly number[]>();
  for (const name of special.fields()) {
    const token = special.record(name);
    idsOf.set(
      name,
      token.list("ids", MAX_TEMPLATE, (id) => checkId(token, "ids", id)),
    );
  }
  const readStep = (value: unknown, name: string): Step => {
    const step = readRecord(value, name, INVALID);
    if (step.has("SpecialToken")) {
      const token = step.record("SpecialToken");
      const ids = idsOf.get(token.string("id"));
      if (!ids) return token.fail(`"id" ${describe(token.raw("id"))} is not in "special_tokens"`);
      return { ids, typeId: token.count("type_id", 0, MAX_ID) };
    }
    const sequence = step.record("Sequence");
    const letter = sequence.oneOf("id", ["A", "B"]);
    return { sequence: letter === "A" ? 0 : 1, typeId: sequence.count("type_id", 0, MAX_ID) };
  };
  const readSteps = (field: "single" | "pair", expected: string): Step[] => {
    const steps = fields.list(field, MAX_TEMPLATE, readStep);
    const sequences = steps.map((step) => ("ids" in step ? "" : step.sequence === 0 ? "A" : "B"));
    // A text that is dropped or repeated would make offsets meaningless.
    if ([...sequences].sort().join("") !== expected) {
      return fields.fail(
        `"${field}" uses sequences "${sequences.join("")}", expected each of "${expected}" once`,
      );
    }
    return steps;
  };
  return { single: readSteps("single", "A"), pair: readSteps("pair", "AB") };
}
