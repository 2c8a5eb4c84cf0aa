/**
 * Bringing a runtime up before there is a base. Half of an empty isolate's way to its first session
 * is ONNX Runtime's own start and V8's compiling of wasm functions as they are first called; neither
 * needs the base, and the base's files are not there yet.
 */
import { collate } from "../core/collate.ts";
import type { Row } from "../core/collate.ts";
import type { GraphFiles, Session } from "./session.ts";
import { WARM_UP_GRAPH, WARM_UP_SHAPE } from "./warm-up-graph.ts";

/** Creates a session over a tiny graph with all ops of a base, runs it, and lets it go. */
export async function warmUp(
  createSession: (files: GraphFiles) => Promise<Session>,
): Promise<void> {
  const graph = Uint8Array.from(atob(WARM_UP_GRAPH), (char) => char.charCodeAt(0));
  const session = await createSession({ graph, weights: new Map() });
  await session.run(collate([ROW], WARM_UP_SHAPE, "all"));
  await session.release();
}

const { num_hidden_layers: layers, num_key_value_heads: heads, head_dim: headDim } = WARM_UP_SHAPE;
const side = (): Float32Array => new Float32Array(heads * headDim);

/** Two tokens behind one virtual token. */
const ROW: Row = {
  ids: Int32Array.of(1, 2),
  typeIds: Int32Array.of(0, 0),
  positionOffset: 0,
  prefix: {
    numVirtualTokens: 1,
    layers: Array.from({ length: layers }, () => ({ key: side(), value: side() })),
    deltas: null,
  },
};
