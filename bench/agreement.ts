/**
 * Do tasks answer alike on two runtimes, with the same prefixes? The engines round in ways of their
 * own, so the bounds are on scores and not on bits. By default our own kernels are held against
 * onnxruntime-web, on the bundled tasks. `gpu` is the graph that pages run on WebGPU, computed here by
 * onnxruntime-node: every text, without a GPU.
 */
import { basename } from "node:path";
import { decide } from "../src/learn/measure/decisions.ts";
import type { Decisions } from "../src/learn/measure/decisions.ts";
import { evaluationLogits } from "../src/learn/measure/evaluate.ts";
import { metricsOf, scoreName, scoreOf } from "../src/learn/measure/metrics.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { baseFolder, bundledBaseDir } from "../scripts/base/names.ts";
import { load } from "../src/encoder/loaded-base.ts";
import { RUNTIMES } from "../scripts/base/runtimes.ts";
import { UsageError, defineCommand } from "../scripts/cli/command.ts";
import { DATA_OPTIONS, readDataOptions } from "../scripts/cli/data-options.ts";
import { startProgress } from "../scripts/cli/progress.ts";
import { openTaskWithBase } from "../scripts/cli/task-base.ts";
import { makeData } from "../scripts/dev/retrain/task-data.ts";
import { bundledFolders } from "../scripts/publish/bundled-tasks.ts";
import { createNodeSession } from "../scripts/node/runtime-node.ts";
import type { Task } from "../src/core/format/task.ts";
import type { LoadedBase } from "../src/engine/engine.ts";
import { gpuEngine } from "../src/engine/ort/webgpu/engine.ts";
import { readTaskDataFiles } from "../scripts/runs/task/data-files.ts";
import { mean, table } from "./stats.ts";
import { readList } from "./training/settings.ts";

const CONTENDERS = [...RUNTIMES, "gpu"] as const;
type Contender = (typeof CONTENDERS)[number];

const BATCH_SIZE = 16;
/** Points that the score of a task may differ by. */
const MAX_POINTS = 0.2;
/** What two numbers that are the same on paper may differ by. */
const TINY = 1e-9;

export const bench = defineCommand({
  summary: "scores and answers of tasks on one runtime against another, with the same prefixes",
  usage: "[TASK_DIR ...] [--runtimes A,B] [--base DIR] [--data F | --data-dir DIR]",
  example:
    "npx edge-prefix bench agreement --data-dir data\n" +
    "npx edge-prefix bench agreement prefixes/sentiment --runtimes node,web --data dev.tsv --label-names negative,positive",
  options: {
    runtimes: {
      type: "string",
      value: "A,B",
      default: "simd,web",
      hint: `two of ${CONTENDERS.join(", ")}: the first is held against the second`,
    },
    base: {
      type: "string",
      value: "DIR",
      hint: "base folder (default: models/<the base the task names>)",
    },
    data: {
      type: "string",
      value: "F",
      multiple: true,
      hint: "labelled data (default: the evaluation files of task.json)",
    },
    "data-dir": {
      type: "string",
      value: "DIR",
      hint: "where the paths of task.json are looked for first",
    },
    ...DATA_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const [ours, theirs] = readList(values.runtimes, "--runtimes", CONTENDERS);
    if (ours === undefined || theirs === undefined) {
      throw new UsageError(`--runtimes is "${values.runtimes}", expected two`);
    }
    const note = (line: string): void => io.err(line);
    const answer = async (dir: string, runtime: Contender) => {
      const { base, task } = await open(dir, values.base, runtime, note);
      const datasets = await readTaskDataFiles(dir, {
        files: values.data?.map((path) => ({ ...readDataOptions(values), path })),
        dataDir: values["data-dir"],
        type: task.manifest.type,
        problemType: task.manifest.problem_type,
        strict: false,
        note,
      });
      const examples = datasets.flatMap((data) => data.examples);
      const progress = startProgress(io, { label: `${basename(dir)}, ${runtime}`, total: 100 });
      const logits = await evaluationLogits(base, task, examples, {
        batchSize: BATCH_SIZE,
        signal: io.signal,
        onProgress: (done, all) => progress.update((100 * done) / all),
      }).finally(() => progress.stop());
      await base.encoder.release();
      const decisions = decide(task.manifest, examples, logits);
      return {
        metric: scoreName(task.manifest),
        score: 100 * scoreOf(metricsOf(decisions)),
        answers: wordsOf(decisions.kind, decisions.predicted),
        truth: wordsOf(decisions.kind, decisions.truth),
      };
    };

    const results = [];
    for (const dir of positionals.length > 0 ? positionals : bundledFolders()) {
      if (values["data-dir"] !== undefined) await makeData(dir, values["data-dir"]);
      const [a, b] = [await answer(dir, ours), await answer(dir, theirs)];
      const points = a.score - b.score;
      results.push({
        task: basename(dir),
        metric: a.metric,
        answers: a.answers.length,
        score: { [ours]: a.score, [theirs]: b.score },
        points,
        equal: shareEqual(a.answers, b.answers),
        right_alone: {
          [ours]: rightAlone(a.answers, b.answers, b.truth),
          [theirs]: rightAlone(b.answers, a.answers, a.truth),
        },
        ok: Math.abs(points) <= MAX_POINTS + TINY,
      });
    }
    const meanPoints = mean(results.map(({ points }) => points));
    const ok = results.every((result) => result.ok) && meanPoints >= -TINY;
    if (io.json) {
      const about = { bench: "agreement", runtimes: [ours, theirs] };
      io.out(JSON.stringify({ ...about, results, mean_points: meanPoints, ok }));
    } else {
      const rows = results.map(({ task, metric, answers, score, points, equal, right_alone }) => [
        task,
        metric,
        score[ours]!.toFixed(2),
        score[theirs]!.toFixed(2),
        points.toFixed(2),
        String(answers),
        `${(100 * equal).toFixed(2)} %`,
        `${right_alone[ours]} : ${right_alone[theirs]}`,
      ]);
      io.out(
        table([
          ["task", "metric", ours, theirs, "points", "answers", "equal", "right alone"],
          ...rows,
        ]),
      );
      io.out(
        `${ok ? "ok" : "FAILED"}: mean ${meanPoints.toFixed(2)} points, allowed are ${MAX_POINTS} each and a mean of at least 0`,
      );
    }
    return ok ? 0 : 1;
  },
});

/** A task and its base on one of the contenders. */
async function open(
  dir: string,
  base: string | undefined,
  runtime: Contender,
  note: (line: string) => void,
): Promise<{ base: LoadedBase; task: Task }> {
  const isGpu = runtime === "gpu";
  const options = { base, taskBase: undefined, runtime: isGpu ? ("node" as const) : runtime };
  const opened = await openTaskWithBase(dir, options, note);
  if (!isGpu) return opened;
  await opened.base.encoder.release();
  const folder = baseFolder(base) ?? bundledBaseDir(opened.base.manifest.name);
  const encoder = await load(gpuEngine(createNodeSession), await readBaseFolder(folder));
  return { ...opened, base: { ...opened.base, encoder } };
}

/** One label of each text, or of each word where a task tags words. */
const wordsOf = (kind: Decisions["kind"], labels: Decisions["truth"]): string[] =>
  kind === "token" ? labels.flat().map(String) : labels.map(String);

/** How many of the answers `a` are right where those of `b` are not. */
const rightAlone = (a: readonly string[], b: readonly string[], truth: readonly string[]): number =>
  truth.filter((label, i) => a[i] === label && b[i] !== label).length;

/** Share of places at which two lists are equal. */
const shareEqual = (a: readonly string[], b: readonly string[]): number =>
  a.filter((value, i) => value === b[i]).length / a.length;
