/**
 * Texts -> logits on the graph that serves, many at a time: for measuring a task and for its canary
 * examples. Every part is the request path's own (windows, collate, head); only the batching is
 * simpler, since nobody waits for a single answer.
 */
import { collate } from "../../src/core/collate.ts";
import { linear, pool, tokenLogits } from "../../src/core/head.ts";
import type { Pooler } from "../../src/core/head.ts";
import { LAST_HIDDEN_STATE } from "../../src/core/shapes.ts";
import type { Task } from "../../src/core/task.ts";
import { toFloat32 } from "../../src/core/tensor.ts";
import { softmax } from "../../src/core/decode.ts";
import type { BaseManifest, CanaryExample } from "../../src/core/manifest.ts";
import { mergeSequence, mergeTokens, splitWindows } from "../../src/core/windows.ts";
import type { Split } from "../../src/core/windows.ts";
import type { Tokenizer } from "../../src/core/tokenizer.ts";
import type { Session } from "../../src/runtime/session.ts";
import { sortedBatches } from "./sampler.ts";
import type { ExampleText } from "./task-spec.ts";

/** A base ready to answer: what the request path loads, too. */
export interface LoadedBase {
  readonly manifest: BaseManifest;
  readonly tokenizer: Tokenizer;
  readonly session: Session;
  readonly pooler: Pooler | null;
}

/** What a task says about one text. */
export interface Answer {
  readonly split: Split;
  /** Sequence: one row [C]. Token: one row [C] for each piece of the text. */
  readonly logits: readonly Float32Array[];
}

export interface AnswerOptions {
  readonly batchSize: number;
  readonly signal?: AbortSignal;
  /** Called after each batch with the windows done so far and all of them. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Pieces that neighbouring windows share at most; the request path's default. */
const STRIDE = 64;

/** Answers for all texts, in their order. Windows of similar length share a batch. */
export async function answerTexts(
  base: LoadedBase,
  task: Task,
  texts: readonly ExampleText[],
  { batchSize, signal, onProgress }: AnswerOptions,
): Promise<Answer[]> {
  const { manifest } = task;
  const maxLength = manifest.max_length;
  const splits = texts.map(({ text, text_pair }) =>
    splitWindows(base.tokenizer, text, text_pair, {
      maxLength,
      stride: Math.min(STRIDE, Math.floor(maxLength / 4)),
      truncation: false,
    }),
  );
  const windows = splits.flatMap((split, text) =>
    split.windows.map((window) => ({ text, encoding: window.encoding })),
  );
  const logits: Float32Array[][][] = splits.map(() => []);
  const isToken = manifest.type === "token";
  const queries = isToken || manifest.pooling === "mean" ? "all" : "first";
  const hiddenSize = base.manifest.hidden_size;

  let done = 0;
  const places = splits.flatMap((split) => split.windows.map((_, w) => w));
  for (const batch of sortedBatches(
    windows.map(({ encoding }) => encoding.ids.length),
    batchSize,
  )) {
    signal?.throwIfAborted();
    const rows = batch.map((i) => ({
      ids: windows[i]!.encoding.ids,
      typeIds: windows[i]!.encoding.typeIds,
      prefix: task.prefix,
      positionOffset: manifest.position_offset,
    }));
    const outputs = await base.session.run(collate(rows, base.manifest, queries));
    const hidden = outputs[LAST_HIDDEN_STATE]!;
    const values = toFloat32(hidden);
    const rowSize = hidden.dims[1]! * hiddenSize;
    for (const [b, i] of batch.entries()) {
      const own = values.subarray(b * rowSize, (b + 1) * rowSize);
      const length = rows[b]!.ids.length;
      logits[windows[i]!.text]![places[i]!] = isToken
        ? tokenLogits(own, length, hiddenSize, task.head)
        : [sequenceLogits(own, length)];
    }
    done += batch.length;
    onProgress?.(done, windows.length);
  }
  return splits.map((split, text) => ({
    split,
    logits: isToken
      ? mergeTokens(split, logits[text]!)
      : [mergeSequence(logits[text]!.map(([row]) => row!))],
  }));

  function sequenceLogits(hidden: Float32Array, length: number): Float32Array {
    const pooling = manifest.pooling === "none" ? "cls" : manifest.pooling;
    const pooled = pool(hidden, length, hiddenSize, pooling, base.pooler);
    return linear(pooled, task.head.weight, task.head.bias);
  }
}

/** Index of the largest of a row. */
export function argmax(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}

/** Runs the author's example texts and records what the task answers. */
export async function canaryExamples(
  base: LoadedBase,
  task: Task,
  texts: readonly ExampleText[],
): Promise<CanaryExample[]> {
  const { labels, temperature, type } = task.manifest;
  const answers = await answerTexts(base, task, texts, { batchSize: 1 });
  return answers.map(({ split, logits }, i): CanaryExample => {
    const { wordIds } = split.pieces;
    const rows =
      type === "token" ? logits.filter((_, p) => p === 0 || wordIds[p] !== wordIds[p - 1]) : logits;
    const scores = rows.map((row) => softmax(row, temperature));
    const best = scores.map(argmax);
    return {
      ...texts[i]!,
      label: best.map((label) => labels[label]).join(" "),
      score: scores.reduce((sum, row, r) => sum + row[best[r]!]!, 0) / Math.max(1, rows.length),
    };
  });
}
