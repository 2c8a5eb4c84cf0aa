/**
 * `label`: a task from the names of its labels alone. Its head is made of the base's own vectors of
 * sentences that name them, so the endpoint answers before there is a single row; the sentences stay in
 * the folder as the first rows of a later training.
 */
import { basename, join, resolve } from "node:path";
import { InputError } from "../../src/core/errors.ts";
import { checkName } from "../../src/core/format/keys.ts";
import { sentenceOf } from "../../src/core/model/zero-shot.ts";
import { describe, readRecord } from "../../src/core/record.ts";
import { parseJson } from "../../src/core/text.ts";
import { csvRecords } from "../../src/learn/data/csv.ts";
import { namedPooling, packNamedTask } from "../../src/learn/task/named-task.ts";
import { EMPTY_SPEC, writeTaskSpec } from "../../src/learn/task/spec.ts";
import { taskCard } from "../../src/report/task-card.ts";
import { taskFacts } from "../../src/report/task-facts.ts";
import { BUNDLED_BASE, baseFolder } from "../base/names.ts";
import { UsageError, defineCommand, required } from "../cli/command.ts";
import { checkWritable } from "../node/disk.ts";
import { readIfThere, writeWhole } from "../node/files.ts";
import { sha256 } from "../node/hash.ts";
import { readBytes } from "../node/text-files.ts";
import { writeTaskFolder } from "../task/task-folder.ts";

const ROWS = "labels.jsonl";
/** What is known of tasks like these (bench/results/zero-shot.*.json). */
const KNOWN =
  "No row of this task has been seen. Of 1,000 rows each, such heads were right on 71.2 % of AG News (4 labels) and 57.4 % of banking77 (77 labels) on the base pocket, 71.7 % and 60.9 % on all-MiniLM-L6-v2; by chance it would be 25 % and 1.3 %. Measure yours with a few rows, and train it with more.";

export const command = defineCommand({
  summary: "make a task from the names of its labels, without any row",
  usage: '"LABEL, LABEL, .." --out TASK_DIR [--descriptions F] [--base DIR]',
  example: 'npx edge-prefix label "billing, shipping, praise" --out prefixes/mail',
  options: {
    out: { type: "string", short: "o", value: "DIR", hint: "task folder to write" },
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    name: { type: "string", value: "NAME", hint: "name of the task (default: the folder's)" },
    descriptions: {
      type: "string",
      value: "F.json",
      hint: 'sentences that say what labels mean: {"billing": "an invoice or a payment is wrong", ..}, one or a list a label',
    },
    "multi-label": { type: "boolean", hint: "any number of the labels may be true of a text" },
    overwrite: { type: "boolean", hint: "replace the task that is in the folder" },
  },
  async run({ values, positionals, io }) {
    const [list, ...more] = positionals;
    if (list === undefined || more.length > 0) {
      throw new UsageError(`label: expected one list of labels, found ${positionals.length}`);
    }
    const out = required(values.out, "--out");
    const name = checkName("task", values.name ?? basename(resolve(out)));
    const isMultiLabel = values["multi-label"] === true;
    const labels = readLabels(list, isMultiLabel ? 1 : 2);
    const described =
      values.descriptions === undefined
        ? new Map<string, readonly string[]>()
        : await readDescriptions(values.descriptions, labels);
    await checkWritable(join(out, ROWS));
    if (values.overwrite !== true) await checkEmpty(out);

    const { openBaseFolder } = await import("../base/open-base.ts");
    const base = await openBaseFolder(baseFolder(values.base), "serving");
    const { manifest } = base;
    const pooling = namedPooling(base);
    const sentences = labels.map((label) => [sentenceOf(label), ...(described.get(label) ?? [])]);
    const problemType = isMultiLabel ? "multi_label_classification" : "single_label_classification";
    const packed = await packNamedTask(
      base,
      { name, labels, described, isMultiLabel, created: new Date() },
      sha256,
    ).finally(() => base.encoder.release());
    const { version } = packed.task;
    const card = taskCard(
      taskFacts(packed.task.manifest, manifest, { method: "label", version, description: KNOWN }),
    );
    const rows = sentences.flatMap((own, i) =>
      own.map((text) => JSON.stringify({ text, label: isMultiLabel ? [labels[i]] : labels[i] })),
    );
    await writeWhole(join(out, ROWS), `${rows.join("\n")}\n`);
    const taskJson = writeTaskSpec({
      ...EMPTY_SPEC,
      name,
      base: manifest.name,
      type: "sequence",
      problem_type: problemType,
      labels,
      data: { ...EMPTY_SPEC.data, train: [{ path: ROWS }] },
    });
    await writeTaskFolder(out, packed, { taskJson, card, report: null });
    const next = `npx edge-prefix push ${out} --local`;
    if (io.json) io.out(JSON.stringify({ task: name, out, version, labels, pooling, next }));
    else {
      io.out(
        `${out}: version ${version}, ${numberOf(labels)} by ${labels.length === 1 ? "its name" : "their names"}, base ${manifest.name}`,
      );
      io.out(`next: ${next}`);
      io.out(
        `with rows of your own: add their file to "train" in ${join(out, "task.json")}, then npx edge-prefix train ${out}`,
      );
    }
    return 0;
  },
});

/** Labels as one record of csv, so that a name in quotes may have commas. Throws UsageError. */
function readLabels(list: string, least: number): string[] {
  const labels: string[] = [];
  for (const record of csvRecords(list, ",")) {
    if ("problem" in record) throw new UsageError(`label: the list of labels ${record.problem}`);
    labels.push(...record.fields.map((label) => label.trim()).filter((label) => label !== ""));
  }
  const twice = labels.find((label, i) => labels.indexOf(label) < i);
  if (twice !== undefined) throw new UsageError(`label: ${JSON.stringify(twice)} is there twice`);
  if (labels.length < least) {
    const alone = labels.length === 1 ? "; a single label needs --multi-label" : "";
    throw new UsageError(
      `label: found ${numberOf(labels)}, expected ${least} or more, between commas${alone}`,
    );
  }
  return labels;
}

const numberOf = ({ length }: readonly string[]): string =>
  length === 1 ? "1 label" : `${length} labels`;

/** Sentences by label. Throws InputError `descriptions-unreadable` or `descriptions-invalid`. */
async function readDescriptions(
  path: string,
  labels: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const value = parseJson(await readBytes(path, "descriptions"), path);
  const r = readRecord(value, path, "descriptions-invalid");
  return new Map(
    r.fields().map((label) => {
      if (!labels.includes(label)) {
        r.fail(`describes "${label}", which is none of the labels ${labels.join(", ")}`);
      }
      const text = (value: unknown): string =>
        typeof value === "string" && value.trim() !== ""
          ? value
          : r.fail(`"${label}" is ${describe(value)}, expected a sentence or a list of them`);
      const raw = r.raw(label);
      const all: readonly unknown[] = Array.isArray(raw) && raw.length > 0 ? raw : [raw];
      return [label, all.map(text)] as const;
    }),
  );
}

/** Throws InputError `folder-occupied` where a task is in the folder, or rows that may be the user's. */
async function checkEmpty(dir: string): Promise<void> {
  for (const file of ["task.json", "manifest.json", ROWS]) {
    if ((await readIfThere(join(dir, file))) === null) continue;
    throw new InputError(
      "folder-occupied",
      `${dir}: has a ${file}, which a task of names would replace; choose another --out, or replace it by --overwrite`,
    );
  }
}
