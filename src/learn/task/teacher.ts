/**
 * A teacher: a task, usually of a larger or fine-tuned model, whose answers to the training rows and to
 * texts without labels are learned beside the labels (Hinton et al. 2015). It answers once, before the
 * first step; the answers are kept with the run, so that a resumed run learns from the same numbers.
 */
import { FormatError, InputError, MismatchError } from "../../core/errors.ts";
import { readSafetensors, writeSafetensors } from "../../core/format/safetensors.ts";
import type { Sha256 } from "../../core/format/manifest.ts";
import type { Task } from "../../core/format/task.ts";
import { float32, toFloat32 } from "../../core/model/tensor.ts";
import type { StopSignal } from "../../core/signal.ts";
import { encodeUtf8 } from "../../core/text.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import type { Example } from "../data/read.ts";
import type { RunStore } from "../loop/saved-run.ts";
import { answerTexts } from "../measure/answers.ts";
import { EVALUATION_BATCH } from "../measure/evaluate.ts";
import type { PreparedTask } from "./prepare.ts";
import type { TeacherFacts } from "./teaching.ts";

/** A task that can be asked. */
export interface Teacher extends TeacherFacts {
  readonly task: Task;
  readonly loaded: LoadedBase;
}

export interface TeachOptions {
  /** Where the answers are kept while the run is unfinished. */
  readonly store: RunStore;
  readonly sha256: Sha256;
  readonly signal: StopSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** Texts between two writes of the store. */
const CHUNK = 2_048;

/**
 * The task with the teacher's answers to all of its rows and texts; null when the signal has stopped it.
 * Throws MismatchError `teacher-labels-mismatch`.
 */
export async function teach(
  prepared: PreparedTask,
  teacher: Teacher,
  options: TeachOptions,
): Promise<PreparedTask | null> {
  const { train, unlabelled, labels } = prepared;
  const { name, what, identity } = teacher;
  const order = orderOf(teacher, labels);
  const rows = [...train, ...unlabelled];
  const logits = await answersTo(rows, teacher, options);
  if (logits === null) return null;
  const C = labels.length;
  const taught = rows.map((row, n): Example => {
    const own = logits.subarray(n * C, (n + 1) * C);
    return { ...row, taught: order.map((c) => own[c]!) };
  });
  const placeOf = new Map(train.map((row, n) => [taught[n]!, prepared.places.get(row) ?? ""]));
  return {
    ...prepared,
    train: taught.slice(0, train.length),
    unlabelled: taught.slice(train.length),
    places: placeOf,
    teacher: { ...prepared.teacher!, by: { name, what, identity } },
  };
}

/** Where each of the task's labels stands among the teacher's. */
function orderOf({ name, task }: Teacher, labels: readonly string[]): number[] {
  const { type, problem_type: problemType, labels: own } = task.manifest;
  if (type !== "sequence" || problemType !== "single_label_classification") {
    throw new MismatchError(
      "teacher-labels-mismatch",
      `teacher "${name}": is a ${type} task (${problemType}); expected one that answers a text with one label`,
    );
  }
  const order = labels.map((label) => own.indexOf(label));
  if (order.includes(-1) || own.length !== labels.length) {
    throw new MismatchError(
      "teacher-labels-mismatch",
      `teacher "${name}": knows the labels ${own.join(", ")}; the task has ${labels.join(", ")}. Both need the same; --label-names names those of the data`,
    );
  }
  return order;
}

/** Logits of all rows, [N, C] in the teacher's order, at the temperature of its own scores. */
async function answersTo(
  rows: readonly Example[],
  { identity, task, loaded }: Teacher,
  { store, sha256, signal, onProgress }: TeachOptions,
): Promise<Float32Array | null> {
  const { labels, temperature } = task.manifest;
  const C = labels.length;
  const asked = rows.map(({ text, pair }) => ({
    text,
    ...(pair !== undefined && { text_pair: pair }),
  }));
  const key = await sha256(encodeUtf8(JSON.stringify([identity, labels, asked])));
  const logits = new Float32Array(rows.length * C);
  let done = 0;
  const kept = await readAnswers(store, key);
  if (kept && kept.length <= logits.length) {
    logits.set(kept);
    done = kept.length / C;
  }
  while (done < rows.length) {
    const texts = asked.slice(done, done + CHUNK);
    const before = done;
    try {
      const answers = await answerTexts(loaded, task, texts, {
        batchSize: EVALUATION_BATCH,
        signal,
        onProgress: (windows, all) =>
          onProgress(before + Math.floor((texts.length * windows) / all), rows.length),
      });
      for (const [n, answer] of answers.entries()) {
        // Behind the labels' logits may stand how familiar the text is, which teaches nothing.
        const scores = answer.logits[0]!.subarray(0, C).map((logit) => logit / temperature);
        logits.set(scores, (done + n) * C);
      }
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
    done += texts.length;
    await writeAnswers(store, key, logits.subarray(0, done * C));
  }
  return logits;
}

const LOGITS = "logits";

const writeAnswers = (store: RunStore, key: string, logits: Float32Array): Promise<void> =>
  store.write(writeSafetensors(new Map([[LOGITS, float32([logits.length], logits)]]), { key }));

/** The answers that were kept, where they are to these texts; a file that cannot be read counts as none. */
async function readAnswers(store: RunStore, key: string): Promise<Float32Array | null> {
  const bytes = await store.read();
  if (bytes === null) return null;
  try {
    const { tensors, metadata } = readSafetensors(bytes, store.name);
    const logits = tensors.get(LOGITS);
    return metadata["key"] === key && logits ? toFloat32(logits) : null;
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** Refuses to train where the teacher was never asked: only `train` does that. */
export function checkTaught({ teacher }: PreparedTask): void {
  if (teacher === null || teacher.by !== null) return;
  throw new InputError(
    "training-unsupported",
    "teacher: its answers are learned by `train` alone; leave it out of task.json for this verb",
  );
}
