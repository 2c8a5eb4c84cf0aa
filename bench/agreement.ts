/**
 * Does a task answer alike on the native runtime and on the wasm that serves? The quantized graph
 * rounds, an ulp can flip a rounding and the flip cascades, so the bound is on labels and accuracy
 * and not on bits.
 */
import { readTaskDataFiles } from "../scripts/runs/task/data-files.ts";
import { answerTexts, argmax } from "../src/learn/measure/answers.ts";
import { openTaskWithBase } from "../scripts/cli/task-base.ts";
import { DATA_OPTIONS, readDataOptions } from "../scripts/cli/data-options.ts";
import { UsageError, defineCommand } from "../scripts/cli/command.ts";
import type { RuntimeName } from "../scripts/base/runtimes.ts";
import { startProgress } from "../scripts/cli/progress.ts";

const BATCH_SIZE = 16;
/** The least share of equal labels, and the most points of accuracy between the runtimes. */
const MIN_EQUAL = 0.995;
const MAX_POINTS = 0.2;

export const bench = defineCommand({
  summary: "labels and accuracy of a task on onnxruntime-node against onnxruntime-web",
  usage: "TASK_DIR --base DIR --data F",
  example:
    "npx edge-prefix bench agreement prefixes/sentiment --base models/pocket --data dev.tsv --label-names negative,positive",
  options: {
    base: { type: "string", value: "DIR", hint: "base folder" },
    data: { type: "string", value: "F", multiple: true, hint: "labelled data" },
    ...DATA_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const [dir] = positionals;
    if (dir === undefined) throw new UsageError("bench agreement: expected one TASK_DIR");
    const note = (line: string): void => io.err(line);
    const label = async (runtime: RuntimeName) => {
      const options = { base: values.base, taskBase: undefined, runtime };
      const { base, task } = await openTaskWithBase(dir, options, note);
      const datasets = await readTaskDataFiles(dir, {
        files: values.data?.map((path) => ({ ...readDataOptions(values), path })),
        dataDir: undefined,
        type: task.manifest.type,
        strict: false,
        note,
      });
      const examples = datasets.flatMap((data) => data.examples);
      const progress = startProgress(io, { label: runtime, total: 100 });
      const answers = await answerTexts(base, task, examples, {
        batchSize: BATCH_SIZE,
        onProgress: (done, all) => progress.update((100 * done) / all),
      });
      progress.stop();
      const { labels } = task.manifest;
      const predicted = answers.map(({ logits }) => logits.map((row) => labels[argmax(row)]!));
      const truth = examples.map((example) => example.labels);
      await base.encoder.release();
      return { predicted, truth, type: task.manifest.type };
    };

    const web = await label("web");
    const node = await label("node");
    const flat = (rows: readonly (readonly string[])[]) => rows.flat();
    const total = flat(web.predicted).length;
    const equal = share(flat(web.predicted), flat(node.predicted));
    const accuracy = (run: typeof web) =>
      web.type === "sequence" ? 100 * share(flat(run.predicted), flat(run.truth)) : null;
    const [onWeb, onNode] = [accuracy(web), accuracy(node)];
    const points = onWeb === null || onNode === null ? null : Math.abs(onWeb - onNode);
    const isGood = equal >= MIN_EQUAL && (points === null || points <= MAX_POINTS + 1e-9);
    const result = {
      bench: "agreement",
      labels: total,
      equal,
      accuracy_web: onWeb,
      accuracy_node: onNode,
      points,
      ok: isGood,
    };
    if (io.json) io.out(JSON.stringify(result));
    else {
      io.out(`${total} labels, ${(100 * equal).toFixed(2)} % equal on node and web`);
      if (points !== null) {
        io.out(
          `accuracy: web ${onWeb!.toFixed(2)}, node ${onNode!.toFixed(2)}, ${points.toFixed(2)} points apart`,
        );
      }
    }
    return isGood ? 0 : 1;
  },
});

/** Share of places at which two lists are equal. */
const share = (a: readonly string[], b: readonly string[]): number =>
  a.filter((value, i) => value === b[i]).length / a.length;
