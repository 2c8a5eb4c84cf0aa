/** `eval`: measures a task on labelled data, on the graph and the runtime that serve. */
import { answerLabels } from "../../src/core/model/decode.ts";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import { writeWhole } from "../node/files.ts";
import { RUNTIME_TITLES, namedRuntime, runtimeNote } from "../base/runtimes.ts";
import { startProgress } from "../cli/progress.ts";
import { UsageError, defineCommand, readInteger } from "../cli/command.ts";
import { DATA_OPTIONS, readDataOptions } from "../cli/data-options.ts";
import { metricLines } from "../cli/metric-lines.ts";
import { readRuntime } from "../cli/runtime-option.ts";
import { TASK_BASE_OPTIONS } from "../cli/task-base.ts";

export const command = defineCommand({
  summary: "measure a task on labelled data",
  usage: "TASK_DIR [--data F] [--base DIR]",
  example: "npx edge-prefix eval prefixes/sentiment --data dev.tsv --label-names negative,positive",
  options: {
    data: {
      type: "string",
      value: "F",
      multiple: true,
      hint: "data files (default: the evaluation files of task.json)",
    },
    "data-dir": {
      type: "string",
      value: "DIR",
      hint: "where the paths of task.json are looked for first",
    },
    "batch-size": { type: "string", value: "N", default: "16", hint: "texts in one run" },
    report: {
      type: "string",
      value: "FILE",
      hint: "also write a report to look at; the hardest texts of the data stand in it",
    },
    ...TASK_BASE_OPTIONS,
    ...DATA_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const [dir, ...more] = positionals;
    if (dir === undefined || more.length > 0) {
      throw new UsageError(`eval: expected one TASK_DIR, found ${positionals.length}`);
    }
    const asked = readRuntime(values.runtime);
    const batchSize = readInteger(values["batch-size"], "--batch-size", { min: 1, max: 1024 })!;
    if (values.report !== undefined) {
      const { checkWritable } = await import("../node/disk.ts");
      await checkWritable(values.report);
    }
    const { readTaskDataFiles } = await import("../runs/task/data-files.ts");
    const { assess, evaluationLogits } = await import("../../src/learn/measure/evaluate.ts");
    const { tagSetWarnings } = await import("../../src/learn/data/tag-set.ts");
    const { openTaskWithBase } = await import("../cli/task-base.ts");

    const note = (line: string): void => io.err(line);
    const { base, task } = await openTaskWithBase(
      dir,
      { base: values.base, taskBase: values["task-base"], runtime: asked },
      note,
    );
    const { dtype } = base.manifest;
    const runtime = namedRuntime(asked, base.manifest);
    const remark = runtimeNote(asked, base.manifest);
    if (remark !== null) note(`note: ${remark}`);
    if (task.manifest.type === "token") {
      for (const warning of tagSetWarnings(task.manifest.labels)) note(warning);
    }
    const options = readDataOptions(values);
    const problemType = task.manifest.problem_type;
    const datasets = await readTaskDataFiles(dir, {
      files: values.data?.map((path) => ({ ...options, path })),
      dataDir: values["data-dir"],
      type: task.manifest.type,
      problemType,
      strict: values.strict === true,
      note,
    });
    const examples = datasets.flatMap((data) => data.examples);
    const known = new Set(answerLabels(task.manifest));
    const unknown = new Set(
      examples.flatMap(({ labels }) => labels).filter((label) => !known.has(label)),
    );
    if (unknown.size > 0 && problemType !== "regression") {
      note(
        `labels that the task does not have, so every such row counts as wrong: ${[...unknown].slice(0, 10).join(", ")}`,
      );
    }

    const progress = startProgress(io, { label: "eval", total: examples.length });
    let windows = 0;
    const logits = await evaluationLogits(base, task, examples, {
      batchSize,
      signal: io.signal,
      onProgress: (done, total) => {
        windows = total;
        progress.update(Math.round((done / total) * examples.length));
      },
    }).finally(() => progress.stop());
    await base.encoder.release();
    const evaluation = assess(task.manifest, examples, logits);

    const data = datasets.map(({ name }) => name).join(", ");
    if (values.report !== undefined) {
      const { evaluationReport } = await import("../../src/report/page.ts");
      const name = `${dtype}, ${RUNTIME_TITLES[runtime]}`;
      const source = { name: data, runtime: name, examples, logits, evaluation };
      await writeWhole(values.report, evaluationReport(dir, task, base.manifest, source));
      note(`report: ${values.report}`);
    }
    const { metrics, score, ece } = evaluation;
    if (io.json) {
      io.out(
        JSON.stringify({
          task: task.manifest.task,
          version: task.version,
          base: shortIdentity(base.manifest),
          dtype: base.manifest.dtype,
          runtime,
          data,
          n: examples.length,
          windows,
          bad_rows: datasets.reduce((sum, { badRows }) => sum + badRows, 0),
          metric: score.name,
          score: score.value,
          interval: [score.low, score.high],
          ece,
          metrics,
        }),
      );
      return 0;
    }
    io.out(
      `${task.manifest.task} ${task.version} on ${data}, base ${shortIdentity(base.manifest)} (${dtype}, ${runtime})`,
    );
    for (const line of metricLines(evaluation, task.manifest)) io.out(line);
    return 0;
  },
});
