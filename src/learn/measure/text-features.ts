/** Texts -> one vector each, by the encoder that serves: what heads are fitted on and rows compared by. */
import { emptyPrefix } from "../../core/model/prefix.ts";
import { pool } from "../../core/model/head.ts";
import { queriesOf } from "../../core/model/answer.ts";
import { statesOfRow } from "../../core/model/rows.ts";
import type { Row } from "../../core/model/rows.ts";
import { splitWindows } from "../../core/model/windows.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import type { FeatureRows } from "../head/fit-head.ts";
import { sortedBatches } from "../loop/sampler.ts";
import type { AnswerOptions, ExampleText } from "./answers.ts";

export interface TextFeatureOptions extends AnswerOptions {
  /** Tokens that are read of a text; the rest of it is left out. */
  readonly maxLength: number;
  /** How a task changes the encoder; default: not at all. */
  readonly task?: Pick<Row, "prefix" | "positionOffset">;
  /** Default: as the base's checkpoint says, and the mean where that is a pooler. */
  readonly pooling?: "pooler" | "cls" | "mean";
}

/** The features [N, H] of texts, in their order. Texts of similar length share a batch. */
export async function textFeatures(
  base: LoadedBase,
  texts: readonly ExampleText[],
  { batchSize, maxLength, signal, onProgress, ...options }: TextFeatureOptions,
): Promise<FeatureRows> {
  const { configuration } = base.manifest;
  const own = base.manifest.pooling === "cls" ? "cls" : "mean";
  const { pooling = own, task = { prefix: emptyPrefix(configuration), positionOffset: 0 } } =
    options;
  const rows = texts.map(({ text, text_pair }): Row => {
    const { windows } = splitWindows(base.tokenizer, text, text_pair, {
      maxLength,
      stride: 0,
      truncation: true,
    });
    const { ids, typeIds } = windows[0]!.encoding;
    return { ids, typeIds, ...task };
  });
  const hidden = configuration.hidden_size;
  const data = new Float32Array(rows.length * hidden);
  let done = 0;
  const lengths = rows.map(({ ids }) => ids.length);
  for (const batch of sortedBatches(lengths, batchSize)) {
    signal?.throwIfAborted();
    const states = await base.encoder.encode(
      batch.map((n) => rows[n]!),
      queriesOf(pooling),
    );
    for (const [b, n] of batch.entries()) {
      const length = lengths[n]!;
      const own = statesOfRow(states, b, length);
      data.set(pool(own, length, hidden, pooling, base.pooler), n * hidden);
    }
    done += batch.length;
    onProgress?.(done, rows.length);
  }
  return { data, hidden };
}
