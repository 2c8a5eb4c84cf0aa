/**
 * `train`: a task folder, or a bare data file, becomes a trained task folder. cli/train-request.ts reads
 * the request, learn/task/train-task.ts is the run; this file opens base and data and shows the progress.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BUNDLED_BASE, baseFolder, bundledBaseDir } from "../base/names.ts";
import { runtimeNote } from "../base/runtimes.ts";
import type { Estimate } from "../../src/learn/loop/estimate.ts";
import type { Base } from "../../src/encoder/base.ts";
import { isServed } from "../../src/learn/methods.ts";
import type { RunState } from "../../src/learn/loop/run-state.ts";
import type { StartGain } from "../../src/learn/task/start-gain.ts";
import { gainText } from "../../src/report/text.ts";
import { settledSpec } from "../../src/learn/task/settled.ts";
import type { PreparedTask } from "../../src/learn/task/prepare.ts";
import { writeTaskSpec } from "../../src/learn/task/spec.ts";
import type { TaskSpec } from "../../src/learn/task/spec.ts";
import type { Hyperparameters } from "../../src/learn/methods.ts";
import { allEpochs } from "../../src/learn/methods.ts";
import { isStale } from "../../src/learn/loop/trainer.ts";
import type { StepReport } from "../../src/learn/loop/trainer.ts";
import { defineCommand, readInteger } from "../cli/command.ts";
import type { Io } from "../cli/command.ts";
import { dataLines, doubtfulLines, durationText, settingsLines } from "../cli/data-lines.ts";
import { metricLines } from "../cli/metric-lines.ts";
import { noteInterrupted, shellWord } from "../cli/resume-line.ts";
import { startProgress } from "../cli/progress.ts";
import { epochLine, startStepBar } from "../cli/run-display.ts";
import {
  TRAIN_OPTIONS,
  filesSeenFrom,
  isTaskFolder,
  readRequest,
  teacherSeenFrom,
} from "../cli/train-request.ts";
import { pathSeenFrom } from "../runs/out-folder.ts";
import type { TrainRequest, TrainValues } from "../cli/train-request.ts";
import { preciseNow } from "../node/clock.ts";
import { readSigner } from "../node/signer.ts";

export const command = defineCommand({
  summary: "train a task from labelled data",
  usage: "TASK_DIR | DATA_FILE [options]",
  example: [
    "npx edge-prefix train prefixes/intent",
    "npx edge-prefix train tickets.csv --eval held-out.csv --base models/minilm --out prefixes/tickets",
  ].join("\n"),
  options: TRAIN_OPTIONS,
  async run(given) {
    const request = await readRequest(given.values, given.positionals);
    const { withFolderLock } = await import("../node/folder-lock.ts");
    return withFolderLock(request.out, () => trainInto(request, given));
  },
});

/** Trains into `out`, which no other process writes into meanwhile. */
async function trainInto(
  { spec, out, name, isSourceChanged }: TrainRequest,
  {
    values,
    positionals,
    io,
  }: { readonly values: TrainValues; readonly positionals: readonly string[]; readonly io: Io },
): Promise<number> {
  const { openBase } = await import("../base/open-base.ts");
  const { tokenizerOf } = await import("../../src/encoder/loaded-base.ts");
  const { readBaseFolder } = await import("../base/base-folder.ts");
  const { createNodeSession } = await import("../node/runtime-node.ts");
  const { checkOutFolder, madeBy } = await import("../runs/out-folder.ts");
  const { prepareTask } = await import("../../src/learn/task/prepare.ts");
  const { trainTask } = await import("../../src/learn/task/train-task.ts");
  const { NODE_HOST } = await import("../runs/task/host.ts");
  const { diskSources } = await import("../runs/task/data-files.ts");
  const { folderRun } = await import("../runs/saved-run.ts");
  const { checkSavedRun } = await import("../../src/learn/loop/saved-run.ts");
  const { writeTrainedTask } = await import("../runs/task/write-task.ts");
  const { readSweep } = await import("../runs/sweep/sweep-file.ts");

  const note = (line: string): void => io.err(line);
  // Read first: a wrong path must not cost the training.
  const signer = values.sign === undefined ? null : await readSigner(values.sign);
  const overwrite = values.overwrite === true;
  const method = spec.method ?? "prefix";
  await checkOutFolder(out, madeBy(method), { overwrite, note });
  const resume = values.resume === true;
  // Before a teacher is asked, which may take longer than the training.
  await checkSavedRun(folderRun(out).store, { resume, overwrite });
  const base = await readBaseFolder(
    baseFolder(values.base) ?? (spec.base === undefined ? BUNDLED_BASE : bundledBaseDir(spec.base)),
  );
  const folders = [
    ...(values["data-dir"] === undefined ? [] : [values["data-dir"]]),
    positionals[0] !== undefined && isTaskFolder(positionals[0]) ? positionals[0] : ".",
  ];
  const strict = values.strict === true;
  const sources = diskSources({ folders, strict, note });
  const asked = await prepareTask(spec, base.manifest, tokenizerOf(base), sources);
  const { hyperparameters: h } = asked;
  for (const line of dataLines(name, asked)) note(line);
  for (const line of settingsLines(asked, base.manifest)) note(line);
  const remark = runtimeNote("serving", base.manifest);
  if (remark !== null) note(`note: ${remark}`);
  if (asked.init) {
    note(`  starts from ${asked.init.name}, pretrained on ${asked.init.tasks.join(", ")}`);
  }

  const stopped = (step: number): number =>
    noteInterrupted(io, step, ["train", TRAIN_OPTIONS, values, positionals]);
  const prepared = await askTeacher(spec, asked, { base, out, folders, io });
  if (prepared === null) return stopped(0);
  const threads = readInteger(values.threads, "--threads", { min: 1, max: 1024 });
  const display = showRun(io, h, prepared.folds !== null);
  const result = await trainTask(
    spec,
    prepared,
    base,
    {
      ...NODE_HOST,
      createSession: (files) => createNodeSession(files, threads === undefined ? {} : { threads }),
      openBase,
    },
    {
      name,
      ...folderRun(out),
      resume,
      overwrite,
      inspectsRows: true,
      measuresStart: values["skip-start-score"] !== true,
      signal: io.signal,
      now: preciseNow,
      note,
      ...display,
    },
  ).finally(() => display.stop());
  if (!result.isDone) return stopped(result.step);
  const settled = settledSpec(spec, prepared, {
    name,
    base: base.manifest.name,
    init: spec.init === undefined ? undefined : pathSeenFrom(out, spec.init),
    teacher: teacherSeenFrom(out, spec.teacher),
    data: filesSeenFrom(out, spec),
  });
  const taskJson = isSourceChanged ? writeTaskSpec(settled) : null;
  const sweep = await readSweep(out, prepared);
  const report = await writeTrainedTask(out, spec, prepared, result, { taskJson, sweep });

  if (signer && isServed(prepared.method)) {
    const { signFolder } = await import("../publish/sign-folder.ts");
    await signFolder(out, signer);
  }

  const { evaluation, uncalibrated, crossValidation, packed, state } = result;
  const { version, manifest } = packed.task;
  if (io.json) {
    io.out(
      JSON.stringify({
        task: name,
        out,
        version,
        report,
        score: evaluation.score,
        metrics: evaluation.metrics,
        files: result.files,
        cross_validation: crossValidation,
        calibration: {
          temperature: manifest.temperature,
          thresholds: manifest.thresholds,
          other: manifest.other,
          ece: evaluation.ece,
          ece_uncalibrated: uncalibrated.ece,
        },
        data: prepared.summary,
        warnings: prepared.warnings,
        rows_to_look_at: result.doubtful,
        start: result.startGain,
        hyperparameters: h,
        reasons: prepared.reasons,
        history: state.history,
        prefix_bytes: packed.prefixBytes.byteLength,
      }),
    );
  } else {
    const { temperature } = manifest;
    const lines = metricLines(evaluation, { temperature, uncalibrated, crossValidation });
    for (const line of lines) io.out(line);
    for (const { name, rows, score } of result.files) {
      const [value, low, high] = [score.value, score.low, score.high].map((x) => x.toFixed(4));
      io.out(`${name}: ${score.name} ${value} (95 %: ${low} to ${high}) on ${rows} rows`);
    }
    io.out(
      isServed(prepared.method)
        ? `${out}: version ${version}, ${packed.prefixBytes.byteLength} bytes`
        : `${out}: ${prepared.method} is for comparison only; nothing there can be pushed`,
    );
    for (const line of doubtfulLines(result.doubtful, report)) io.out(line);
    if (report !== null) io.out(`report: ${report}`);
    if (isServed(prepared.method)) {
      const other = base.manifest.name === BUNDLED_BASE ? undefined : values.base;
      const baseOption = other === undefined ? "" : `--base ${shellWord(other)} `;
      io.out(`put it live: npx edge-prefix push ${baseOption}${shellWord(out)} --local`);
    }
  }
  return 0;
}

/** The task with its teacher's answers, where it has one; null when it was interrupted. */
async function askTeacher(
  { teacher }: TaskSpec,
  prepared: PreparedTask,
  {
    base,
    out,
    folders,
    io,
  }: {
    readonly base: Base;
    readonly out: string;
    readonly folders: readonly string[];
    readonly io: Io;
  },
): Promise<PreparedTask | null> {
  if (teacher === undefined) return prepared;
  const { openTeacher } = await import("../runs/task/open-teacher.ts");
  const { findFile } = await import("../runs/task/data-files.ts");
  const { teach } = await import("../../src/learn/task/teacher.ts");
  const { teacherAnswers } = await import("../runs/saved-run.ts");
  const { sha256 } = await import("../node/hash.ts");
  const note = (line: string): void => io.err(line);
  const { base: named } = teacher;
  const near = folders.map((folder) => join(folder, named ?? "")).find((path) => existsSync(path));
  const opened = await openTeacher(findFile(teacher.path, folders), {
    base: named === undefined ? undefined : (near ?? named),
    student: base,
    note,
  });
  const { train, unlabelled } = prepared;
  const [rows, texts] = [train.length, unlabelled.length].map((n) => n.toLocaleString("en"));
  note(`taught by ${opened.name}, ${opened.what}: ${rows} rows, ${texts} texts without a label`);
  const progress = startProgress(io, {
    label: "teacher",
    total: train.length + unlabelled.length,
  });
  try {
    return await teach(prepared, opened, {
      store: teacherAnswers(out),
      sha256,
      signal: io.signal,
      onProgress: (done) => progress.update(done),
    });
  } finally {
    progress.stop();
    await opened.loaded.encoder.release();
  }
}

/** The progress of a run. */
function showRun(io: Io, hyperparameters: Hyperparameters, hasFolds: boolean) {
  const { patience, average = 1 } = hyperparameters;
  const epochs = allEpochs(hyperparameters);
  const bar = startStepBar(io, "train");
  let mark = preciseNow();
  // Means over roughly the last 50 steps.
  let [tokens, ms, loss] = [0, 0, 0];
  let steps = 0;
  const mix = (old: number, now: number): number => old + (now - old) / Math.min(50, steps);
  return {
    onStart(gain: StartGain): void {
      io.err(`  ${gainText(gain)}`);
      if (gain.with <= gain.without) {
        io.err("  the start knows no more of this task than the base; try without --init, too");
      }
    },
    onEstimate({ seconds, tokensPerSecond }: Estimate): void {
      const speed = Math.round(tokensPerSecond).toLocaleString("en");
      const most = patience > 0 ? "at most " : "";
      io.err(`${most}about ${durationText(seconds)} at ${speed} tokens/s; Ctrl-C saves`);
      mark = preciseNow();
    },
    onStep(report: StepReport): void {
      const now = preciseNow();
      steps += 1;
      tokens = mix(tokens, report.tokens);
      ms = mix(ms, now - mark);
      loss = mix(loss, report.loss);
      mark = now;
      const speed = Math.round((1000 * tokens) / ms).toLocaleString("en");
      bar.update(report, `loss ${loss.toFixed(3)} · ${speed} tokens/s`);
    },
    onFold(fold: number, of: number): void {
      bar.stop();
      io.err(
        `cross-validation: training ${fold} of ${of}, without the rows that it is measured on`,
      );
    },
    onEpoch(state: RunState): void {
      // The score of the folds stands below, with its interval.
      if (hasFolds) return;
      const { epoch } = state.history.at(-1)!;
      bar.clear();
      io.err(epochLine(state, epochs, "score"));
      if (epoch < epochs && isStale(state, patience)) {
        io.err(
          `stopped: no better score in ${patience} epochs; epoch ${state.best!.epoch} is taken`,
        );
      }
      if (average > 1 && state.averaged?.runs === average) {
        io.err(`mean of ${average} runs · score ${state.best!.score.toFixed(4)}`);
      }
      mark = preciseNow();
    },
    stop: bar.stop,
  };
}
