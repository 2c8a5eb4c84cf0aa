/**
 * A base of every family for the tests in workerd and Chromium. Where ../shared/golden is, the bases are
 * its checkpoints and float32 is PyTorch's (torch 2.15.0, transformers 5.23.0); elsewhere they are made from
 * a seed, and float32 is onnxruntime's.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readCheckpoint } from "../../scripts/base/checkpoint.ts";
import type { Checkpoint } from "../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../scripts/base/convert.ts";
import { loadEncoder } from "../../scripts/base/open-base.ts";
import { createNodeSession } from "../../scripts/node/runtime-node.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import { prefixWidth } from "../../src/core/model/prefix.ts";
import { statesOfRow } from "../../src/core/model/rows.ts";
import { PROMPT_EMBEDDINGS } from "../../src/core/model/shapes.ts";
import type { Base } from "../../src/encoder/base.ts";
import { keyOf, normals } from "../../src/learn/random.ts";
import { FAMILY_CONFIGS } from "../support/family-bases.ts";
import { shared } from "../support/shared.ts";
import { tinyCheckpoint } from "../support/tiny-base.ts";
import { familyRows, packFloats, packStates, toBase64 } from "./fixtures.ts";
import type { FamilyFixture } from "./fixtures.ts";

export const FAMILIES = [
  "bert-cased",
  "distilbert",
  "electra",
  "eurobert",
  "modernbert",
  "roberta",
  "xlm-roberta",
] as const;

type Asked = Pick<FamilyFixture, "texts" | "prefix">;

export async function familyFixture(name: (typeof FAMILIES)[number]): Promise<FamilyFixture> {
  const golden = shared("golden", "architectures", name);
  const checkpoint = golden
    ? await readCheckpoint(golden, golden)
    : tinyCheckpoint(1, FAMILY_CONFIGS[name]);
  const options = { name, created: new Date(0) };
  const base = await importCheckpoint(checkpoint, {
    ...options,
    dtype: "int8",
    openSession: createNodeSession,
  });
  const { manifest } = base;
  const { exact, ...asked } = golden
    ? readGolden(join(golden, "expected.safetensors"))
    : await computed(checkpoint);
  const encoder = await loadEncoder(base, "simd");
  const states = await encoder.encode(familyRows({ manifest, ...asked }), "all");
  await encoder.release();
  const files = Object.fromEntries(
    manifest.weights.map((file) => [file, toBase64(base.files.get(file)!)]),
  );
  const packed = exact.map(packFloats);
  return { name, manifest, files, ...asked, exact: packed, states: packStates(states) };
}

/** Every other text has the prefix. */
const textsOf = (ids: readonly (readonly number[])[]): FamilyFixture["texts"] =>
  ids.map((own, i) => ({ ids: own, hasPrefix: i % 2 > 0 }));

function readGolden(path: string): Asked & { exact: Float32Array[] } {
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(path)), path);
  const { dims, data: ids } = tensors.get("input_ids")!;
  const [batch, length] = dims as [number, number];
  const mask = tensors.get("attention_mask")!.data;
  const texts = textsOf(
    Array.from({ length: batch }, (_, b) =>
      Array.from(ids.subarray(b * length, (b + 1) * length), Number).filter(
        (_id, t) => Number(mask[b * length + t]) > 0,
      ),
    ),
  );
  const exact = texts.map(({ ids: own, hasPrefix }, b) => {
    const states = tensors.get(hasPrefix ? "last_hidden_state.prefixed" : "last_hidden_state")!;
    const width = states.dims[2]!;
    const from = b * length * width;
    return (states.data as Float32Array).slice(from, from + own.length * width);
  });
  const prefix = tensors.get(PROMPT_EMBEDDINGS)!;
  const values = packFloats(prefix.data as Float32Array);
  return { texts, exact, prefix: { length: prefix.dims[0]!, values } };
}

async function computed(checkpoint: Checkpoint): Promise<Asked & { exact: Float32Array[] }> {
  const base: Base = await importCheckpoint(checkpoint, {
    name: "float32",
    created: new Date(0),
    dtype: "fp32",
  });
  const { manifest } = base;
  const length = 5;
  const values = packFloats(normals(keyOf(2), length * prefixWidth(manifest.configuration)));
  const lengths = [3, 21, 40, 1];
  const texts = textsOf(
    lengths.map((n) => Array.from({ length: n }, (_, i) => 2 + ((7 * i) % 190))),
  );
  const asked: Asked = { texts, prefix: { length, values } };
  const encoder = await loadEncoder(base, "web");
  const states = await encoder.encode(familyRows({ manifest, ...asked }), "all");
  const exact = texts.map(({ ids }, b) => statesOfRow(states, b, ids.length).slice());
  await encoder.release();
  return { ...asked, exact };
}
