/** What a head reads of whole texts, from a base as it answers: the input of a fit. */
import { queriesOf } from "../../core/model/answer.ts";
import { pool } from "../../core/model/head.ts";
import type { Pooling } from "../../core/model/head.ts";
import type { Prefix } from "../../core/model/prefix.ts";
import { statesOfRow } from "../../core/model/rows.ts";
import type { StopSignal } from "../../core/signal.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import type { Feature } from "../data/features.ts";
import { sortedBatches } from "../loop/sampler.ts";
import type { FeatureRows } from "../head/fit-head.ts";

export interface PooledOptions {
  readonly pooling: Exclude<Pooling, "none">;
  readonly batchSize: number;
  readonly signal?: StopSignal;
}

/** The pooled states of texts under a prefix, in their order: [N, H]. */
export async function pooledStates(
  { encoder, manifest, pooler }: Pick<LoadedBase, "encoder" | "manifest" | "pooler">,
  prefix: Prefix,
  features: readonly Pick<Feature, "ids" | "typeIds">[],
  { pooling, batchSize, signal }: PooledOptions,
): Promise<FeatureRows> {
  const { hidden_size: hidden } = manifest.configuration;
  const data = new Float32Array(features.length * hidden);
  const lengths = features.map(({ ids }) => ids.length);
  for (const batch of sortedBatches(lengths, batchSize)) {
    signal?.throwIfAborted();
    const rows = batch.map((n) => {
      const { ids, typeIds } = features[n]!;
      return { ids, typeIds, prefix, positionOffset: 0 };
    });
    const states = await encoder.encode(rows, queriesOf(pooling));
    for (const [b, n] of batch.entries()) {
      const own = statesOfRow(states, b, lengths[n]!);
      data.set(pool(own, lengths[n]!, hidden, pooling, pooler), n * hidden);
    }
  }
  return { data, hidden };
}
