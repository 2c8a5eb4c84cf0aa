/**
 * What the tests in workerd get from Node: a tiny base as bucket objects, and what onnxruntime-web
 * answers there. Types and the base64 that carries bytes across; runs on both sides.
 */
import type { Dtype, Tensor } from "../../src/core/model/tensor.ts";

/** A tensor as JSON. */
export interface PackedTensor {
  readonly dtype: Dtype;
  readonly dims: readonly number[];
  readonly base64: string;
}

/** One run of a graph in Node: what went in and what came out. */
export interface Reference {
  readonly name: string;
  readonly base: string;
  readonly feeds: Readonly<Record<string, PackedTensor>>;
  readonly output: PackedTensor;
}

export interface Fixtures {
  /** Bucket objects by key, base64: the bases "pocket" (int8) and "pocket-fp32". */
  readonly objects: Readonly<Record<string, string>>;
  readonly references: readonly Reference[];
}

declare module "vitest" {
  interface ProvidedContext {
    fixtures: Fixtures;
  }
}

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  // In parts, since arguments of one call are limited.
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}

export const fromBase64 = (base64: string): Uint8Array =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

export function packTensor({ dtype, dims, data }: Tensor): PackedTensor {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { dtype, dims, base64: toBase64(bytes) };
}

/** Only the dtypes that feeds and outputs have. */
export function unpackTensor({ dtype, dims, base64 }: PackedTensor): Tensor {
  const { buffer } = fromBase64(base64);
  switch (dtype) {
    case "int64":
      return { dtype, dims, data: new BigInt64Array(buffer as ArrayBuffer) };
    case "float32":
      return { dtype, dims, data: new Float32Array(buffer as ArrayBuffer) };
    default:
      throw new Error(`fixtures: no ${dtype} here`);
  }
}
