/**
 * One input on its way through the model: the rows to run, and the answer that is made of their hidden
 * states. Tasks and embeddings differ here and nowhere else.
 */
import { maxLengthOf } from "../core/format/configuration.ts";
import { answerLogits, queriesOf, rowOf, windowLogits } from "../core/model/answer.ts";
import { classify } from "../core/model/decode.ts";
import type { Queries, Row } from "../core/model/rows.ts";
import { embedding } from "../core/model/embedding.ts";
import { InputError, UnavailableError } from "../core/errors.ts";
import { pool } from "../core/model/head.ts";
import { emptyPrefix } from "../core/model/prefix.ts";
import { findEntitiesInTurns } from "../core/model/spans.ts";
import type { Task } from "../core/format/task.ts";
import { inOneTurn } from "../core/turns.ts";
import type { Turns } from "../core/turns.ts";
import { splitWindows } from "../core/model/windows.ts";
import type { LoadedBase } from "../engine/engine.ts";
import type { Answer, EmbedParameters, PredictParameters, TextInput } from "./prediction.ts";

export interface Reading<T> {
  /** One row a window. */
  readonly rows: readonly Row[];
  readonly queries: Queries;
  readonly isTruncated: boolean;
  /** What is kept of a row's hidden states [q, H]. Throws UnavailableError `answer-not-finite`. */
  reduce(row: number, hidden: Float32Array): Reduced;
  /** What was kept of every row -> the answer. Throws UnavailableError `answer-not-finite`. */
  finish(rows: readonly Reduced[]): Turns<T>;
}

/** Logits of a window or of each of its tokens, or its vector. */
export type Reduced = readonly Float32Array[];

/**
 * Reads an input for a task. Throws InputError `pair-not-supported`, `text-empty`,
 * `max-length-invalid`, `stride-invalid`, LimitError `pair-too-long`, `too-many-windows`.
 */
export function readForTask(
  { manifest: base, tokenizer, pooler }: LoadedBase,
  task: Task,
  { text, text_pair: pair }: TextInput,
  parameters: PredictParameters,
  maxWindows: number,
): Reading<Answer> {
  const { manifest } = task;
  if (pair !== undefined && manifest.type === "token") {
    throw new InputError(
      "pair-not-supported",
      `task "${manifest.task}": labels the tokens of one text, found a text_pair`,
    );
  }
  checkNotEmpty("text", text);
  if (pair !== undefined) checkNotEmpty("text_pair", pair);
  const maxLength = parameters.max_length ?? manifest.max_length;
  const least = tokenizer.specialTokenCount(pair !== undefined) + 1;
  if (maxLength > manifest.max_length || maxLength < least) {
    throw new InputError(
      "max-length-invalid",
      `max_length: is ${maxLength}, task "${manifest.task}" allows ${least} to ${manifest.max_length}`,
    );
  }
  const split = splitWindows(tokenizer, text, pair, {
    maxLength,
    stride: parameters.stride,
    truncation: parameters.truncation ?? false,
    maxWindows,
  });
  return {
    rows: split.windows.map((window) => rowOf(window, task)),
    queries: queriesOf(manifest.pooling),
    isTruncated: split.isTruncated,
    reduce(row, hidden) {
      const window = split.windows[row]!;
      return allFinite(windowLogits(task, window, hidden, base.configuration.hidden_size, pooler));
    },
    *finish(rows) {
      // Once more: what a text adds to finite logits may overflow, too.
      const logits = allFinite(yield* answerLogits(task, split, rows));
      if (manifest.type === "sequence") return classify(logits[0]!, manifest, parameters);
      const { firstRow } = split.windows[0]!;
      const isByWord = task.head.transitions !== null;
      const options = { ...parameters, firstRow, isByWord };
      return yield* findEntitiesInTurns(text, split.pieces, logits, manifest, options);
    },
  };
}

/**
 * Reads a text for the base's own embedding, without any prefix. Throws InputError `text-empty`,
 * `pooling-invalid`, LimitError `too-many-windows`.
 */
export function readForEmbedding(
  { manifest, tokenizer, pooler }: LoadedBase,
  text: string,
  { pooling = manifest.pooling ?? "mean", normalize = true, truncate = false }: EmbedParameters,
  maxWindows: number,
): Reading<Float32Array> {
  checkNotEmpty("text", text);
  const { name, configuration } = manifest;
  if (pooling === "pooler" && pooler === null) {
    throw new InputError(
      "pooling-invalid",
      `pooling: is "pooler", base "${name}" has none; allowed are mean and cls`,
    );
  }
  const { windows, isTruncated } = splitWindows(tokenizer, text, undefined, {
    maxLength: maxLengthOf(configuration),
    truncation: truncate,
    maxWindows,
  });
  const prefix = emptyPrefix(configuration);
  const rows = windows.map(({ encoding: { ids, typeIds } }) => ({
    ids,
    typeIds,
    prefix,
    positionOffset: 0,
  }));
  return {
    rows,
    queries: queriesOf(pooling),
    isTruncated,
    reduce(row, hidden) {
      const { length } = rows[row]!.ids;
      return allFinite([pool(hidden, length, configuration.hidden_size, pooling, pooler)]);
    },
    finish: (windows) =>
      inOneTurn(() => {
        const pooled = windows.map(([vector]) => vector!);
        return embedding(pooled, normalize);
      }),
  };
}

/** A text without words has no answer, though special tokens alone would get one. */
function checkNotEmpty(subject: string, text: string): void {
  if (text.trim() !== "") return;
  throw new InputError("text-empty", `${subject}: has no text, expected at least one character`);
}

/** No answer is better than one made of NaN. */
function allFinite(rows: Reduced): Reduced {
  if (rows.every((row) => row.every(Number.isFinite))) return rows;
  throw new UnavailableError("answer-not-finite", "answer: the model returned NaN or infinity");
}
