/**
 * What the tests in workerd get from Node: a tiny base as bucket objects, and what the engines that
 * serve answer there. Types and the base64 that carries bytes across; runs on both sides.
 */
import type { BaseManifest, Sha256 } from "../../src/core/format/manifest.ts";
import { openTask } from "../../src/core/format/task.ts";
import { emptyPrefix, unpackPrefix } from "../../src/core/model/prefix.ts";
import type { Queries, Row, States } from "../../src/core/model/rows.ts";
import type { BaseSource } from "../../src/engine/engine.ts";
import { piecesOf } from "../support/memory-store.ts";
import { makeTinyTask } from "../support/tiny-task.ts";

/** A row as JSON; its prefix is the one that makeTinyTask makes. */
export interface PackedRow {
  readonly ids: readonly number[];
  readonly typeIds: readonly number[];
  readonly numVirtualTokens: number;
}

/** One run of an encoder in Node: what went in and what came out. */
export interface Reference {
  readonly name: string;
  readonly base: string;
  readonly engine: "web" | "simd";
  readonly rows: readonly PackedRow[];
  readonly queries: Queries;
  /** Hidden states [B, Q, H]; the values are float32 in base64. */
  readonly states: { readonly dims: States["dims"]; readonly values: string };
}

/** A base of one family, what float32 makes of some texts, and what our own kernels make of them in Node. */
export interface FamilyFixture {
  readonly name: string;
  readonly manifest: BaseManifest;
  /** Weights by name, base64. */
  readonly files: Readonly<Record<string, string>>;
  readonly texts: readonly { readonly ids: readonly number[]; readonly hasPrefix: boolean }[];
  /** The prefix [length, width] of the texts that have one; float32 in base64. */
  readonly prefix: { readonly length: number; readonly values: string };
  /** States of all tokens of each text, float32 in base64. */
  readonly exact: readonly string[];
  readonly states: Reference["states"];
}

export interface Fixtures {
  /** Bucket objects by key, base64: the bases "pocket" (int8) and "pocket-fp32". */
  readonly objects: Readonly<Record<string, string>>;
  readonly references: readonly Reference[];
  readonly families: readonly FamilyFixture[];
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

/** The row as the encoder reads it. */
export async function unpackRow(
  { ids, typeIds, numVirtualTokens }: PackedRow,
  base: BaseManifest,
  sha256: Sha256,
): Promise<Row> {
  const row = { ids: Int32Array.from(ids), typeIds: Int32Array.from(typeIds), positionOffset: 0 };
  if (numVirtualTokens === 0) return { ...row, prefix: emptyPrefix(base.configuration) };
  const changes = { num_virtual_tokens: numVirtualTokens };
  const made = await makeTinyTask(base, { task: "any", manifest: changes }, sha256);
  const { prefix } = await openTask(made.manifest, "", made.prefixBytes, base, sha256);
  return { ...row, prefix };
}

export const packFloats = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  toBase64(new Uint8Array(buffer, byteOffset, byteLength));

export const unpackFloats = (values: string): Float32Array =>
  new Float32Array(fromBase64(values).buffer as ArrayBuffer);

export const packStates = ({ dims, values }: States): Reference["states"] => ({
  dims,
  values: packFloats(values),
});

export const unpackStates = ({ dims, values }: Reference["states"]): States => ({
  dims,
  values: unpackFloats(values),
});

/** The base of a family, as an engine reads it. */
export function familySource({ manifest, files }: FamilyFixture): BaseSource {
  const bytes = (name: string): Uint8Array => fromBase64(files[name]!);
  return {
    manifest: Promise.resolve(manifest),
    image: null,
    file: (name) => Promise.resolve(bytes(name)),
    stream: (name) => piecesOf(bytes(name)),
  };
}

export function familyRows({
  manifest: { configuration },
  texts,
  prefix: { length, values },
}: Pick<FamilyFixture, "manifest" | "texts" | "prefix">): Row[] {
  const floats = unpackFloats(values);
  const prefix = unpackPrefix(floats, [length, floats.length / length], configuration, "fixture");
  return texts.map(({ ids, hasPrefix }) => ({
    ids: Int32Array.from(ids),
    typeIds: new Int32Array(ids.length),
    prefix: hasPrefix ? prefix : emptyPrefix(configuration),
    positionOffset: 0,
  }));
}
