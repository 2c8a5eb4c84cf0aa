/** Real rows for the epoch benchmark, tokenized once for all contenders, and how each batches them. */
import { maxLengthOf } from "../../src/core/format/configuration.ts";
import { tokenizerOf } from "../../src/encoder/loaded-base.ts";
import { readDataFile } from "../../scripts/runs/task/data-files.ts";
import { featuresOf } from "../../src/learn/data/features.ts";
import type { Feature } from "../../src/learn/data/features.ts";
import { labelsOf } from "../../src/learn/data/labels.ts";
import { derive, keyOf, permutation } from "../../src/learn/random.ts";
import { epochBatches } from "../../src/learn/loop/sampler.ts";
import type { Base } from "../../src/encoder/base.ts";
import type { Pooling } from "../../src/core/model/head.ts";

/** As `train`'s default. */
const MAX_LENGTH = 256;
const KEY = keyOf(1);

export interface EpochRows {
  readonly name: string;
  readonly features: readonly Feature[];
  readonly numLabels: number;
}

/** At most `maxRows` rows of a data file, drawn at random. */
export async function readRows(
  path: string,
  base: Base,
  { maxRows, pooling }: { maxRows: number; pooling: Pooling },
): Promise<EpochRows> {
  const type = pooling === "none" ? "token" : "sequence";
  const { examples, name } = await readDataFile(path, { type });
  const labels = labelsOf(examples, type);
  const drawn = permutation(derive(KEY, "rows"), examples.length).slice(0, maxRows);
  const features = featuresOf(
    [...drawn].map((row) => examples[row]!),
    tokenizerOf(base),
    { type, labels, maxLength: Math.min(MAX_LENGTH, maxLengthOf(base.manifest.configuration)) },
  );
  return { name, features, numLabels: labels.length };
}

/** This project's: rows of similar length together. */
export const similarBatches = ({ features }: EpochRows, batchSize: number) =>
  epochBatches(
    features.map(({ ids }) => ids.length),
    batchSize,
    derive(KEY, "epoch"),
  );

/** What a data loader with `shuffle=True` makes. */
export function randomBatches({ features }: EpochRows, batchSize: number): number[][] {
  const order = permutation(derive(KEY, "shuffle"), features.length);
  const batches: number[][] = [];
  for (let i = 0; i < order.length; i += batchSize) {
    batches.push([...order.subarray(i, i + batchSize)]);
  }
  return batches;
}
