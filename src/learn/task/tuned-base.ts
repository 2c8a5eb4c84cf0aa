/**
 * A base that answers with trained parts which no serving graph knows (whole weights, input
 * embeddings): the encoder is loaded once with the parts as inputs, and every run is fed the
 * parameters of the moment. To its callers it is a loaded base like any other.
 */
import { collateTokens } from "../../core/model/collate.ts";
import { LAST_HIDDEN_STATE } from "../../core/model/shapes.ts";
import type { States } from "../../core/model/rows.ts";
import { float32, toFloat32 } from "../../core/model/tensor.ts";
import type { Feeds, GraphFiles, Session } from "../../engine/session.ts";
import { packGraph } from "../../graph/encoding/pack.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import { buildTunedGraph } from "../graph/training-graph.ts";
import { parametersOf } from "../graph/parameters.ts";
import type { Encoder, Target, Arrays } from "../graph/parameters.ts";

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
  const session = await createSession(
    packGraph(graph, { isExternal: (name) => encoder.weights.has(name) }),
  );
  const inputs = new Set(session.inputs);
  const parameters = parametersOf(target, encoder).filter(({ name }) => inputs.has(name));
  let trained: Feeds = {};
  const tuned: LoadedBase["encoder"] = {
    loadedFrom: "graph",
    memoryBytes: () => session.heapBytes(),
    release: () => session.release(),
    async encode(rows, queries) {
      const lengths = rows.map(() => target.numVirtualTokens);
      const { feeds } = collateTokens(rows, lengths, base.manifest.configuration, queries);
      const own = Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name)));
      const outputs = await session.run({ ...own, ...trained });
      const states = outputs[LAST_HIDDEN_STATE]!;
      return { dims: states.dims as States["dims"], values: toFloat32(states) };
    },
  };
  return {
    loaded: { ...base, encoder: tuned },
    use(params) {
      trained = Object.fromEntries(
        parameters.map(({ name, dims }) => [name, float32(dims, params[name]!)]),
      );
    },
  };
}
