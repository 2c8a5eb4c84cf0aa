/**
 * `distill`: a small base learns the hidden states of a larger one. The work is done in runs/distill/;
 * this file reads the options, opens the bases and shows the progress.
 */
import { join, resolve } from "node:path";
import { checkName } from "../../src/core/format/keys.ts";
import { nameFrom } from "../base/names.ts";
import { TABLE_FORMS } from "../../src/encoder/quantize-weights.ts";
import type { DistillSettings } from "../runs/distill/distill-run.ts";
import { recordCourse } from "../../src/learn/loop/course.ts";
import type { RunState } from "../../src/learn/loop/run-state.ts";
import type { StepReport } from "../../src/learn/loop/trainer.ts";
import {
  UsageError,
  defineCommand,
  readChoice,
  readInteger,
  readNumber,
  required,
} from "../cli/command.ts";
import type { Io, Options, ValuesOf } from "../cli/command.ts";
import { noteInterrupted } from "../cli/resume-line.ts";
import { startStepBar } from "../cli/run-display.ts";
import { preciseNow } from "../node/clock.ts";

const OPTIONS = {
  teacher: {
    type: "string",
    value: "DIR",
    hint: "base folder or checkpoint whose hidden states are learned",
  },
  student: { type: "string", value: "DIR", hint: "fp32 base to start from, made by shrink" },
  corpus: {
    type: "string",
    value: "F",
    multiple: true,
    hint: "text file, .gz too, a line a text; several may be given",
  },
  source: {
    type: "string",
    value: "TEXT",
    multiple: true,
    hint: "for the card: where a file's texts are from and their licence, in the order of --corpus",
  },
  out: {
    type: "string",
    short: "o",
    value: "DIR",
    hint: "int8 base folder to write; an existing base is replaced",
  },
  work: {
    type: "string",
    value: "DIR",
    hint: "folder of the saved run, the fp32 student and the report (default: OUT-run)",
  },
  name: { type: "string", value: "NAME", hint: "name of the new base (default: the folder's)" },
  steps: { type: "string", value: "N", hint: "steps to make (2000)" },
  minutes: { type: "string", value: "M", hint: "instead: as many steps as fit so many minutes" },
  "batch-tokens": { type: "string", value: "N", hint: "tokens a step (2048)" },
  "max-length": { type: "string", value: "N", hint: "longer texts are cut (256)" },
  "evaluate-every": { type: "string", value: "N", hint: "steps between measurements (100)" },
  lr: { type: "string", value: "X", hint: "peak learning rate (0.0005)" },
  "pool-weight": {
    type: "string",
    value: "X",
    hint: "weight of mean-pooled texts beside single tokens in the loss (1)",
  },
  words: {
    type: "string",
    value: "frozen|trained",
    hint: "whether the word table learns, too (frozen)",
  },
  tables: {
    type: "string",
    value: TABLE_FORMS.join("|"),
    hint: "how the new base stores its embeddings: compact is half as large (int8)",
  },
  seed: { type: "string", value: "S", hint: "same seed, same student (0)" },
  threads: { type: "string", value: "N", hint: "threads inside one operation (one a core)" },
  resume: { type: "boolean", hint: "go on where an interrupted run was saved" },
  overwrite: {
    type: "boolean",
    hint: "start from the first step although an unfinished run is saved, which is lost",
  },
  finish: {
    type: "boolean",
    hint: "write the base of the best measurement of a run that was saved, or still runs, so far",
  },
} as const satisfies Options;

export const command = defineCommand({
  summary: "train a small base to have the hidden states of a larger one",
  usage: "--teacher DIR --student DIR --corpus F --out DIR [options]",
  example: [
    "npx edge-prefix shrink models/minilm-fp32 --out models/student --layers 0,4,5 --dtype fp32",
    "npx edge-prefix distill --teacher models/minilm --student models/student --corpus corpus.txt.gz --out models/small --minutes 60",
  ].join("\n"),
  options: OPTIONS,
  async run({ values, positionals, io }) {
    if (positionals.length > 0) {
      throw new UsageError(`distill: expected options only, found ${positionals.join(" ")}`);
    }
    const teacherDir = required(values.teacher, "--teacher");
    const studentDir = required(values.student, "--student");
    const out = required(values.out, "--out");
    const paths = values.corpus ?? [];
    if (paths.length === 0) throw new UsageError("--corpus is missing");
    if ((values.source ?? []).length > paths.length) {
      throw new UsageError(
        `--source: ${values.source!.length} for ${paths.length} --corpus; expected at most one each, in the same order`,
      );
    }
    if ([teacherDir, studentDir].some((dir) => resolve(dir) === resolve(out))) {
      throw new UsageError(`--out is the teacher or the student itself (${out})`);
    }
    const name = checkName("base", values.name ?? nameFrom(out));
    const work = values.work ?? `${out.replace(/\/+$/, "")}-run`;
    const settings = readSettings(values);
    const finish = values.finish === true;
    const budget = readBudget(values);
    const threads = readInteger(values.threads, "--threads", { min: 1, max: 256 });

    const { checkBaseReplaceable, readBaseFolder } = await import("../base/base-folder.ts");
    const { openBase } = await import("../base/open-base.ts");
    const { load, tokenizerOf } = await import("../../src/encoder/loaded-base.ts");
    const { createNodeSession, nodeEngine } = await import("../node/runtime-node.ts");
    const { readCorpus } = await import("../runs/distill/corpus.ts");
    const { describe, distill } = await import("../runs/distill/distill-run.ts");
    const { stepsOnce } = await import("../runs/distill/steps.ts");
    const { readTeacher } = await import("../runs/distill/teacher.ts");
    const { writeStudent } = await import("../runs/distill/student-folder.ts");
    const { derive, keyOf } = await import("../../src/learn/random.ts");

    const { checkWritable } = await import("../node/disk.ts");
    const { withFolderLock } = await import("../node/folder-lock.ts");
    const make = async (): Promise<number> => {
      const note = (line: string): void => io.err(line);
      await checkBaseReplaceable(out);
      const student = await readBaseFolder(studentDir);
      const teacher = await readTeacher(teacherDir);
      const corpus = await readCorpus(paths, {
        ...CORPUS_LIMITS,
        key: derive(keyOf(settings.seed), "corpus"),
        onProgress: (lines) => {
          io.signal.throwIfAborted();
          note(`corpus: ${lines.toLocaleString("en")} lines`);
        },
      });
      for (const source of corpus.sources) {
        note(
          `${source.name}: ${source.lines.toLocaleString("en")} lines, ${source.texts.toLocaleString("en")} texts to learn from, ${source.heldBack} held back`,
        );
      }
      const nodeOptions = { ...(threads !== undefined && { threads }) };
      const createSession = (files: Parameters<typeof createNodeSession>[0]) =>
        createNodeSession(files, nodeOptions);
      const started = performance.now();
      const display = showRun(io);
      const result = await distill(
        {
          student,
          teacher,
          tokenizers: { student: tokenizerOf(student), teacher: tokenizerOf(teacher) },
        },
        corpus,
        settings,
        {
          createSession,
          openBase: async (base) => ({
            manifest: base.manifest,
            tokenizer: tokenizerOf(base),
            encoder: await load(nodeEngine(nodeOptions), base),
            pooler: null,
          }),
        },
        {
          work,
          resume: values.resume === true,
          overwrite: values.overwrite === true,
          finish,
          stepsFor: stepsOnce(work, budget, { isResumed: values.resume === true || finish, note }),
          signal: io.signal,
          now: preciseNow,
          note,
          ...display,
        },
      ).finally(() => display.stop());
      if (!result.isDone) {
        return noteInterrupted(io, result.step, ["distill", OPTIONS, values, positionals]);
      }
      const written = await writeStudent(
        { out, work, name, isAtEnd: !finish },
        {
          student,
          teacher,
          corpus,
          sources: values.source ?? [],
          settings,
          result,
          seconds: (performance.now() - started) / 1000,
          course: display.course.read(),
        },
        { createSession, openServing: (base) => openBase(base, "serving"), now: () => new Date() },
      );
      if (io.json) io.out(JSON.stringify(written.record));
      else {
        io.out(`before: ${describe(result.before)}`);
        io.out(`after:  ${describe(result.after)}`);
        io.out(`int8:   ${describe(written.int8)}`);
        io.out(
          `base ${name}@${written.base.manifest.identity.slice(0, 12)} in ${out}, ${(written.bytes / 1e6).toFixed(2)} MB; fp32 student and report in ${join(work, "")}`,
        );
      }
      return 0;
    };
    await checkWritable(out);
    // The run that --finish reads may still be running.
    return finish ? make() : withFolderLock(work, make);
  },
});

/** 400,000 short texts are some 60 MB; pairs grow with the square of what is held back. */
const CORPUS_LIMITS = { maxTexts: 400_000, maxHeldBack: 48 };

function readSettings(values: ValuesOf<typeof OPTIONS>): DistillSettings {
  const integer = (
    option: "batch-tokens" | "max-length" | "evaluate-every",
    max: number,
  ): number | undefined => readInteger(values[option], `--${option}`, { min: 8, max });
  return {
    batchTokens: integer("batch-tokens", 1_000_000) ?? 2048,
    maxLength: integer("max-length", 8192) ?? 256,
    stepsPerRound: readInteger(values["evaluate-every"], "--evaluate-every", { min: 1 }) ?? 100,
    learningRate: readNumber(values.lr, "--lr", { min: 1e-8, max: 1 }) ?? 5e-4,
    weightDecay: 0.01,
    warmupRatio: 0.03,
    poolWeight: readNumber(values["pool-weight"], "--pool-weight", { min: 0, max: 100 }) ?? 1,
    trainsWords: readChoice(values.words, "--words", ["frozen", "trained"]) === "trained",
    tables: readChoice(values.tables, "--tables", TABLE_FORMS) ?? "int8",
    seed: readInteger(values.seed, "--seed", { min: 0 }) ?? 0,
  };
}

/** How long the run is: by steps or by time. */
function readBudget(values: ValuesOf<typeof OPTIONS>): { steps: number } | { minutes: number } {
  const steps = readInteger(values.steps, "--steps", { min: 1 });
  const minutes = readNumber(values.minutes, "--minutes", { min: 0.01 });
  if (steps !== undefined && minutes !== undefined) {
    throw new UsageError("--steps and --minutes: give one of them");
  }
  return minutes === undefined ? { steps: steps ?? 2000 } : { minutes };
}

/** A bar of the steps, and a line for each measurement. */
function showRun(io: Io) {
  const bar = startStepBar(io, "distill");
  const course = recordCourse(preciseNow);
  let loss: number | null = null;
  let [tokens, since] = [0, performance.now()];
  return {
    course,
    onStep(report: StepReport): void {
      course.onStep(report);
      if (loss === null) [loss, since] = [report.loss, performance.now()];
      loss += (report.loss - loss) / 20;
      tokens += report.tokens;
      const speed = (1000 * tokens) / Math.max(1, performance.now() - since);
      bar.update(
        report,
        `loss ${loss.toFixed(4)} · ${Math.round(speed).toLocaleString("en")} tokens/s`,
      );
    },
    onRound({ history, step, best }: RunState): void {
      const { epoch, loss, score, measures } = history.at(-1)!;
      const star = best?.epoch === epoch ? " (best)" : "";
      io.err(
        `step ${step} · loss ${loss.toFixed(4)} · token cosine ${score.toFixed(4)}${star} · Spearman ${measures?.["spearman"]?.toFixed(4) ?? ""}`,
      );
    },
    stop: bar.stop,
  };
}
