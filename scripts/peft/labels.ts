/** What a PEFT adapter's configuration says of its labels, and what --label-names says instead. */
import { FormatError, InputError } from "../../src/core/errors.ts";
import { PROBLEM_TYPES } from "../../src/core/model/task.ts";
import type { ProblemType, TaskType } from "../../src/core/model/task.ts";
import { describe } from "../../src/core/record.ts";
import type { RecordReader } from "../../src/core/record.ts";
import { readLabelNames } from "../../src/learn/data/labels.ts";

const CODE = "peft-invalid";

/**
 * The names of so many labels: `labelNames`, as --label-names gives them, else those of the first of
 * `configs` that has some, else LABEL_0, LABEL_1, .. Throws FormatError `peft-invalid`, InputError
 * `label-names-invalid`.
 */
export const adapterLabels = (
  dir: string,
  classes: number,
  configs: readonly RecordReader[],
  labelNames: string | undefined,
): readonly string[] =>
  labelNames === undefined
    ? labelsOf(dir, classes, configs)
    : namedLabels(labelNames, classes, () => labelsOf(dir, classes, configs));

/** What transformers would take it for: `problem_type`, else by the number of outputs. */
export function problemTypeOf(
  type: TaskType,
  classes: number,
  configs: readonly RecordReader[],
): ProblemType {
  const config = configs.find((item) => item.has("problem_type"));
  const isNumber = type === "sequence" && classes === 1;
  if (!config) return isNumber ? "regression" : "single_label_classification";
  const found = config.oneOf("problem_type", PROBLEM_TYPES);
  if (type === "token" && found !== "single_label_classification") {
    return config.fail(
      `"problem_type" is "${found}", the adapter tags words (TOKEN_CLS), which is single_label_classification`,
    );
  }
  if (found === "regression" && classes !== 1) {
    return config.fail(
      `"problem_type" is "regression" and the classifier has ${classes} outputs, expected 1`,
    );
  }
  return found;
}

const defaultLabels = (classes: number): string[] =>
  Array.from({ length: classes }, (_, i) => `LABEL_${i}`);

/** `id2label`, or `label2id`, of the first config that has one; else LABEL_0, LABEL_1, .. */
function labelsOf(dir: string, classes: number, configs: readonly RecordReader[]): string[] {
  const defaults = defaultLabels(classes);
  const named = configs.find((item) => item.has("id2label"));
  const numbered = configs.find((item) => item.has("label2id"));
  const names = named
    ? new Map(entriesOf(named, "id2label"))
    : numbered && new Map(entriesOf(numbered, "label2id").map(([name, id]) => [String(id), name]));
  if (!names) return defaults;
  const labels = defaults.map((_, i) => {
    const name: unknown = names.get(String(i));
    if (typeof name === "string" && name !== "" && names.size === classes) return name;
    throw new FormatError(
      CODE,
      `${dir}: id2label names ${names.size} labels and "${i}" is ${describe(name)}, expected a name for each of ${classes}; --label-names a,b,.. names them`,
    );
  });
  checkDifferent(labels, `${dir}: id2label`);
  return labels;
}

const entriesOf = (r: RecordReader, field: string): [string, unknown][] => {
  const names = r.record(field);
  return names.fields().map((name) => [name, names.raw(name)]);
};

/**
 * The labels that --label-names gives: a list for all of them, or `label=name` for some, by name or
 * by number, of those that the adapter has.
 */
function namedLabels(text: string, classes: number, own: () => string[]): string[] {
  const { labelMap } = readLabelNames(text);
  const fail = (what: string): never => {
    throw new InputError("label-names-invalid", `--label-names: ${what}`);
  };
  const isList = !text.includes("=");
  const count = Object.keys(labelMap).length;
  if (isList && count !== classes) fail(`has ${count} names, the adapter has ${classes} labels`);
  const labels = isList ? [...defaultLabels(classes).keys()].map(String) : own();
  const known = new Set([...labels, ...[...labels.keys()].map(String)]);
  const stranger = Object.keys(labelMap).find((label) => !known.has(label));
  if (stranger !== undefined) {
    fail(`the adapter has no label "${stranger}"; it has ${labels.join(", ")}`);
  }
  const named = labels.map((label, i) => {
    const key = [label, String(i)].find((item) => Object.hasOwn(labelMap, item));
    const name = key === undefined ? label : labelMap[key];
    return name ?? fail(`"${label}=" would drop a label, which the adapter answers with`);
  });
  checkDifferent(named, "--label-names");
  return named;
}

function checkDifferent(labels: readonly string[], subject: string): void {
  const twice = labels.find((label, i) => labels.indexOf(label) < i);
  if (twice === undefined) return;
  throw new FormatError(
    CODE,
    `${subject}: "${twice}" names two labels, expected a name of its own for each`,
  );
}
