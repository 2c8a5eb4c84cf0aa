/**
 * Texts -> logits on the graph that serves, many at a time: for measuring a task and for its
 * recorded examples. Every part is the request path's own (windows, collate, head); only the batching is
 * simpler, since no request waits for a single answer.
 */
import type { StopSignal } from "../../core/signal.ts";
import { answerLogits, queriesOf, rowOf, windowLogits } from "../../core/model/answer.ts";
import { statesOfRow } from "../../core/model/rows.ts";
import type { Task } from "../../core/format/task.ts";
import { classify, softmax } from "../../core/model/decode.ts";
import type { TaskExample } from "../../core/format/manifest.ts";
import { atOnce } from "../../core/turns.ts";
import { splitWindows } from "../../core/model/windows.ts";
import type { Split } from "../../core/model/windows.ts";
import { wordRanges } from "../../core/tokenizer/tokenizer.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import { sortedBatches } from "../loop/sampler.ts";

export interface ExampleText {
  readonly text: string;
  readonly text_pair?: string;
}

/** What a task says about one text. */
export interface Answer {
  readonly split: Split;
  /** Sequence: one row [C]. Token: one row [C] for each piece of the text. */
  readonly logits: readonly Float32Array[];
}

export interface AnswerOptions {
  readonly batchSize: number;
  readonly signal?: StopSignal;
  /** Called after each batch with the windows done so far and all of them. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Answers for all texts, in their order. Windows of similar length share a batch. */
export async function answerTexts(
  base: LoadedBase,
  task: Task,
  texts: readonly ExampleText[],
  { batchSize, signal, onProgress }: AnswerOptions,
): Promise<Answer[]> {
  const { max_length: maxLength, pooling } = task.manifest;
  const splits = texts.map(({ text, text_pair }) =>
    splitWindows(base.tokenizer, text, text_pair, {
      maxLength,
      truncation: false,
    }),
  );
  const windows = splits.flatMap((split, text) =>
    split.windows.map((window, at) => ({ text, at, row: rowOf(window, task) })),
  );
  const parts: (readonly Float32Array[])[][] = splits.map(() => []);
  const hiddenSize = base.manifest.configuration.hidden_size;

  let done = 0;
  const lengths = windows.map(({ row }) => row.ids.length);
  for (const batch of sortedBatches(lengths, batchSize)) {
    signal?.throwIfAborted();
    const rows = batch.map((i) => windows[i]!.row);
    const states = await base.encoder.encode(rows, queriesOf(pooling));
    for (const [b, i] of batch.entries()) {
      const { text, at } = windows[i]!;
      const own = statesOfRow(states, b, rows[b]!.ids.length);
      const window = splits[text]!.windows[at]!;
      parts[text]![at] = windowLogits(task, window, own, hiddenSize, base.pooler);
    }
    done += batch.length;
    onProgress?.(done, windows.length);
  }
  return splits.map((split, text) => ({
    split,
    logits: atOnce(answerLogits(task, split, parts[text]!)),
  }));
}

/** Index of the largest of a row. */
export function argmax(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}

/** Runs the author's example texts and records what the task answers. */
export async function answerExamples(
  base: LoadedBase,
  task: Task,
  texts: readonly ExampleText[],
): Promise<TaskExample[]> {
  const { labels, temperature, type } = task.manifest;
  const answers = await answerTexts(base, task, texts, { batchSize: 1 });
  return answers.map(({ split, logits }, i): TaskExample => {
    if (type === "sequence") {
      return { ...texts[i]!, ...classify(logits[0]!, task.manifest, { top_k: 1 })[0]! };
    }
    const rows = wordRanges(split.pieces.wordIds).map(([first]) => logits[first]!);
    const scores = rows.map((row) => softmax(row, temperature));
    const best = scores.map(argmax);
    return {
      ...texts[i]!,
      label: best.map((label) => labels[label]).join(" "),
      score: scores.reduce((sum, row, r) => sum + row[best[r]!]!, 0) / Math.max(1, rows.length),
    };
  });
}
