/**
 * From a Graph to files: the model with its large constants outside, in shards that are valid
 * safetensors files and ONNX external data at the same time. A program that needs the weights by
 * name reads the shards, without an ONNX parser.
 */
import { readSafetensorsHeader, writeSafetensors } from "../../core/format/safetensors.ts";
import type { Tensor } from "../../core/model/tensor.ts";
import type { GraphFiles } from "../../engine/session.ts";
import type { Graph } from "../graph.ts";
import { encodeModel } from "./model.ts";
import type { ExternalPlace } from "./model.ts";

/** Below this a constant costs less inside the graph than its entry outside would. */
const INLINE_BYTES = 1024;
/** Room for a shard's header; tensors are dealt out by the size of their data alone. */
const HEADER_BYTES = 64 * 1024;

export interface PackOptions {
  /** Which constants leave the graph; default: those of 1 kB and more. */
  readonly isExternal?: (name: string, tensor: Tensor) => boolean;
  /**
   * Upper bound of a shard in bytes, header included; default: none. A tensor that is larger has a
   * shard of its own, since ONNX cannot split one.
   */
  readonly maxShardBytes?: number;
}

/** Name of shard `index`, as the graph's external data spells it. */
const shardName = (index: number): string => `weights-${index}.safetensors`;

/** Encodes the graph and writes its shards. */
export function packGraph(graph: Graph, options: PackOptions = {}): GraphFiles {
  const { isExternal = isLarge, maxShardBytes = Infinity } = options;
  const outside = new Map<string, Tensor>();
  for (const [name, { tensor }] of graph.initializers) {
    if (isExternal(name, tensor)) outside.set(name, tensor);
  }
  const weights = new Map<string, Uint8Array>();
  const external = new Map<string, ExternalPlace>();
  deal(outside, maxShardBytes).forEach((tensors, index) => {
    const location = shardName(index);
    const bytes = writeSafetensors(tensors);
    weights.set(location, bytes);
    for (const [name, { begin, end }] of readSafetensorsHeader(bytes, bytes.byteLength).places) {
      external.set(name, { location, offset: begin, length: end - begin });
    }
  });
  return { graph: encodeModel(graph, { external }), weights };
}

const isLarge = (_: string, { data }: Tensor): boolean => data.byteLength >= INLINE_BYTES;

/** Deals tensors, in order, into as few shards as the bound allows without splitting a tensor. */
function deal(tensors: ReadonlyMap<string, Tensor>, maxBytes: number): Map<string, Tensor>[] {
  const shards: Map<string, Tensor>[] = [];
  const room = maxBytes - HEADER_BYTES;
  let free = -1;
  for (const [name, tensor] of tensors) {
    const bytes = tensor.data.byteLength;
    if (bytes > free) {
      shards.push(new Map());
      free = room;
    }
    shards.at(-1)!.set(name, tensor);
    free -= bytes;
  }
  return shards;
}
