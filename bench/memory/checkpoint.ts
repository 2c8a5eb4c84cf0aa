/**
 * A checkpoint with random weights, as a folder. Weights are drawn and written a piece at a time, so
 * that a shape of any size needs little memory; the same seed gives the same files.
 */
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sizeOf } from "../../src/core/model/shapes.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import { derive, keyOf, uniforms } from "../../src/learn/random.ts";
import { syntheticTokenizer } from "../tokenizers/synthetic.ts";
import type { Shape } from "./shapes.ts";

/** Numbers that are drawn and written at once. */
const PIECE = 1 << 18;
/** A header is padded to whole units of this, as the format's own writer does it. */
const HEADER_UNIT = 8;

/** Writes config.json, tokenizer.json and model.safetensors into `folder`; returns the parameters. */
export async function writeCheckpoint(folder: string, shape: Shape, seed: number): Promise<number> {
  const tokenizer = syntheticTokenizer(shape.tokenizer, shape.config.vocab_size, seed);
  await writeFile(join(folder, "config.json"), JSON.stringify(shape.config));
  await writeFile(join(folder, "tokenizer.json"), tokenizer);
  const architecture = architectureOf(shape.config);
  const specs = architecture
    .tensors(architecture.readConfig(shape.config))
    .filter(({ kind }) => kind !== "pooler");
  let at = 0;
  const entries = specs.map(({ name, dims }) => {
    const begin = at;
    at += 4 * sizeOf(dims);
    return [name, { dtype: "F32", shape: dims, data_offsets: [begin, at] }] as const;
  });
  const json = encodeUtf8(JSON.stringify(Object.fromEntries(entries)));
  const header = new Uint8Array(Math.ceil(json.length / HEADER_UNIT) * HEADER_UNIT).fill(32);
  header.set(json);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  const file = await open(join(folder, "model.safetensors"), "w");
  try {
    await file.write(length);
    await file.write(header);
    for (const { name, dims } of specs) {
      // Gains of norms lie around 1; everything else around 0, as wide as initializers make it.
      const middle = /norm\.weight$/i.test(name) ? 1 : 0;
      const width = Math.sqrt(3 / dims.at(-1)!);
      const uniform = uniforms(derive(keyOf(seed), name));
      for (let left = sizeOf(dims); left > 0; left -= PIECE) {
        const piece = Float32Array.from(
          { length: Math.min(left, PIECE) },
          () => middle + width * (2 * uniform() - 1),
        );
        await file.write(new Uint8Array(piece.buffer));
      }
    }
  } finally {
    await file.close();
  }
  return at / 4;
}
