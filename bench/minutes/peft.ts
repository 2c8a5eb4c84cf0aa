/**
 * PEFT's cells: peft_run.py in a Python process of the user's choice trains a prefix and a plain head on
 * the same rows with the same settings, in random batches as a data loader makes them.
 */
import { fileURLToPath } from "node:url";
import type { Base } from "../../src/encoder/base.ts";
import type { Feature } from "../../src/learn/data/features.ts";
import { countBatches } from "../../src/learn/loop/sampler.ts";
import { metricsOf, scoreName, scoreOf } from "../../src/learn/measure/metrics.ts";
import type { Decisions } from "../../src/learn/measure/decisions.ts";
import type { PreparedTask } from "../../src/learn/task/prepare.ts";
import { runPython } from "../python.ts";
import { marksOf } from "./plan.ts";
import type { CurvePoint, Outcome, Spent } from "./results.ts";
import { plainFeatures } from "./rows.ts";

const SCRIPT = fileURLToPath(new URL("peft_run.py", import.meta.url));
const WANTS = "an interpreter with torch, transformers and peft";

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
  const run = { python, script: SCRIPT, request, threads, signal, wants: WANTS };
  const isDone = await runPython(run, (text) => {
    const line = JSON.parse(text) as Line;
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
