/**
 * A base that answers with trained parts which no serving graph knows (whole weights, input
 * embeddings): the encoder is loaded once with the parts as inputs, and every run is fed the
 * parameters of the moment. To whoever asks it looks like any loaded base.
 */
import { ATTENTION_MASK, sizeOf } from "../../../src/core/model/shapes.ts";
import { float32, int64 } from "../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import type { Feeds, GraphFiles, Session } from "../../../src/engine/session.ts";
import { packGraph } from "../../../src/graph/encoding/pack.ts";
import type { LoadedBase } from "../../../src/learn/measure/answers.ts";
import { buildTunedGraph } from "../../../src/learn/graph/training-graph.ts";
import { parametersOf } from "../../../src/learn/graph/parameters.ts";
import type { Encoder, Target, Arrays } from "../../../src/learn/graph/parameters.ts";

export interface TunedBase {
  readonly loaded: LoadedBase;
  /** From now on answers with these parameters. */
  use(params: Arrays): void;
}

/** Loads the encoder of `target` beside `base`, whose tokenizer and manifest it shares. */
export async function openTunedBase(
  base: LoadedBase,
  encoder: Encoder,
  target: Target,
  createSession: (files: GraphFiles) => Promise<Session>,
): Promise<TunedBase> {
  const graph = buildTunedGraph({ ...encoder, ...target });
  const inner = await createSession(
    packGraph(graph, { isExternal: (name) => encoder.weights.has(name) }),
  );
  const inputs = new Set(inner.inputs);
  const parameters = parametersOf(target, encoder).filter(({ name }) => inputs.has(name));
  let trained: Feeds = {};
  const session: Session = {
    inputs: inner.inputs,
    outputs: inner.outputs,
    heapBytes: () => inner.heapBytes(),
    run(feeds, fetches) {
      const own = Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name)));
      const mask = withVirtualTokens(feeds[ATTENTION_MASK]!, target.numVirtualTokens);
      return inner.run({ ...own, ...trained, [ATTENTION_MASK]: mask }, fetches);
    },
    release: () => inner.release(),
  };
  return {
    loaded: { ...base, session },
    use(params) {
      trained = Object.fromEntries(
        parameters.map(({ name, dims }) => [name, float32(dims, params[name]!)]),
      );
    },
  };
}

/** A mask [B, T] of texts -> [B, P+T], whose virtual tokens everybody attends to. */
function withVirtualTokens(mask: Tensor, count: number): Tensor {
  const [batch, length] = [mask.dims[0]!, mask.dims[1]!];
  const width = count + length;
  const all = new Int32Array(sizeOf([batch, width])).fill(1);
  const given = Array.from(mask.data, Number);
  for (let b = 0; b < batch; b++) {
    all.set(given.slice(b * length, (b + 1) * length), b * width + count);
  }
  return int64([batch, width], all);
}
