/**
 * PEFT's cells: peft_run.py in a Python process of the user's choice trains a prefix and a plain head on
 * the same rows with the same settings, in random batches as a data loader makes them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { stopTree } from "../../scripts/node/process-tree.ts";
import type { Base } from "../../src/encoder/base.ts";
import { InputError } from "../../src/core/errors.ts";
import type { Feature } from "../../src/learn/data/features.ts";
import { countBatches } from "../../src/learn/loop/sampler.ts";
import { metricsOf, scoreName, scoreOf } from "../../src/learn/measure/metrics.ts";
import type { Decisions } from "../../src/learn/measure/decisions.ts";
import type { PreparedTask } from "../../src/learn/task/prepare.ts";
import { marksOf } from "./plan.ts";
import type { CurvePoint, Outcome, Spent } from "./results.ts";
import { plainFeatures } from "./rows.ts";

const SCRIPT = fileURLToPath(new URL("peft_run.py", import.meta.url));
const MAX_STDERR_CHARS = 2_000;

export interface PeftOptions {
  /** Interpreter with torch, transformers and peft. */
  readonly python: string;
  /** Hugging Face checkpoint that the base was imported from. */
  readonly checkpoint: string;
  /** Reads the rows with its tokenizer. */
  readonly base: Base;
  readonly name: string;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/** A line of peft_run.py: first `ready`, then a measurement for each mark. */
type Line =
  | { readonly ready: Spent; readonly versions: Readonly<Record<string, string>> }
  | (Spent & { readonly step: number; readonly answers: readonly number[][] });

/** Lets PEFT train and follows its score; null after an interrupt. Throws InputError `python-failed`. */
export async function runPeft(
  prepared: PreparedTask,
  options: PeftOptions,
): Promise<Outcome | null> {
  const { base, python, checkpoint, name, threads, signal, note } = options;
  const { hyperparameters: h, labels, pooling, numVirtualTokens, type, problemType } = prepared;
  const held = plainFeatures(prepared, base, prepared.evaluation);
  const rowsOf = (features: readonly Feature[]) => ({
    ids: features.map(({ ids }) => [...ids]),
    labels: features.map((row) => (pooling === "none" ? [...row.labels] : row.labels[0]!)),
  });
  const perEpoch = countBatches(prepared.train.length, h.batch_size);
  const request = {
    checkpoint,
    threads,
    seed: prepared.seed,
    method: "prefix",
    dropout: true,
    pooling: pooling === "cls" ? "pooler" : pooling,
    num_labels: labels.length,
    num_virtual_tokens: numVirtualTokens,
    learning_rate: h.learning_rate,
    weight_decay: h.weight_decay,
    warmup_ratio: h.warmup_ratio,
    max_grad_norm: h.max_grad_norm,
    batch_size: h.batch_size,
    epochs: h.epochs,
    marks: marksOf(perEpoch, h.epochs),
    train: rowsOf(plainFeatures(prepared, base, prepared.train)),
    evaluation: rowsOf(held),
  };
  const curve: CurvePoint[] = [];
  let setup: Spent = { seconds: 0, cpu_seconds: 0 };
  let versions: Readonly<Record<string, string>> = {};
  const isDone = await ask(python, JSON.stringify(request), { threads, signal }, (line) => {
    if ("ready" in line) {
      ({ ready: setup, versions } = line);
      return;
    }
    const { step, seconds, cpu_seconds } = line;
    const score = scoreOf(metricsOf(decisionsOf(prepared, held, line.answers)));
    curve.push({ step, seconds, cpu_seconds, score });
    note(`${name} step ${step} · ${cpu_seconds.toFixed(1)} CPU s · ${score.toFixed(4)}`);
  });
  if (!isDone) return null;
  const { train, evaluation, marks, ...settings } = request;
  return {
    metric: scoreName({ type, problem_type: problemType }),
    curve,
    setup,
    rows: { train: train.ids.length, evaluation: evaluation.ids.length },
    settings: { ...settings, checkpoint: "CHECKPOINT", versions, measurements: marks.length },
  };
}

/** Label ids of the texts, or of the words that have a piece, beside the truth. */
function decisionsOf(
  { type, labels, evaluation }: PreparedTask,
  held: readonly Feature[],
  answers: readonly (readonly number[])[],
): Decisions {
  if (type === "sequence") {
    return {
      kind: "class",
      truth: evaluation.map((example) => example.labels[0]!),
      predicted: answers.map(([id]) => labels[id!]!),
    };
  }
  const predicted = held.map(({ firstPieces, labels: ids }, row) => {
    const learned = [...ids.keys()].filter((t) => ids[t]! >= 0);
    const at = new Map(learned.map((t, i) => [t, answers[row]![i]!]));
    return [...firstPieces].map((t) => labels[at.get(t) ?? -1] ?? "O");
  });
  const truth = evaluation.map((example) => example.labels);
  return { kind: "token", labels, truth, predicted };
}

/** Runs the script; false after an interrupt. */
async function ask(
  python: string,
  request: string,
  { threads, signal }: { readonly threads: number; readonly signal: AbortSignal },
  onLine: (line: Line) => void,
): Promise<boolean> {
  const child = spawn(python, [SCRIPT], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, OMP_NUM_THREADS: String(threads) },
  });
  child.stdin.on("error", () => undefined); // the exit code says it
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-MAX_STDERR_CHARS);
  });
  const ended = once(child, "close").catch((error: Error) => {
    stderr += error.message;
  });
  const stop = (): void => void stopTree(child, ended);
  signal.addEventListener("abort", stop, { once: true });
  child.stdin.end(request);
  for await (const line of createInterface({ input: child.stdout })) {
    onLine(JSON.parse(line) as Line);
  }
  await ended;
  signal.removeEventListener("abort", stop);
  if (signal.aborted) return false;
  if (child.exitCode === 0) return true;
  throw new InputError(
    "python-failed",
    `${python}: ${stderr.trim()}; --python names an interpreter with torch, transformers and peft`,
  );
}
