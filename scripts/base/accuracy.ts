/** How far an int8 base is from its checkpoint: cosine of hidden states on a few sentences. */
import { maxLengthOf } from "../../src/core/format/configuration.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Base } from "../../src/encoder/base.ts";
import type { Encoder } from "../../src/engine/engine.ts";

/** Loads a base that is in memory. */
export type LoadEncoder = (base: Base) => Promise<Encoder>;

/** Short, long, plain, full of names, numbers and signs; in-domain for no task in particular. */
const SENTENCES = [
  "A quiet film that says more with a glance than most say with a speech.",
  "The delegation arrived in Geneva on 14 March and left two days later without a statement.",
  "How do I change the address on my account?",
  "Shares of the company fell 3.2% after it cut its forecast for the second time this year.",
  "I waited forty minutes, the soup was cold, and nobody apologised.",
  "Dr. Okafor's team at the University of Leeds sequenced 1,204 samples from six hospitals.",
  "Yes.",
  "Although the road had been closed since the storm, several drivers ignored the signs, and by the evening the police had turned back more than thirty cars, among them two buses full of tourists on their way to the coast.",
];

/** Mean and worst cosine over all tokens of the built-in sentences, `candidate` against `reference`. */
export async function hiddenStateCosine(
  reference: { readonly base: Base; readonly load: LoadEncoder },
  candidate: { readonly base: Base; readonly load: LoadEncoder },
): Promise<{ mean: number; min: number; tokens: number }> {
  const expected = await hiddenStates(reference.base, await reference.load(reference.base));
  const found = await hiddenStates(candidate.base, await candidate.load(candidate.base));
  const cosines = expected.flatMap((states, i) =>
    rowCosines(states, found[i]!, reference.base.manifest.configuration.hidden_size),
  );
  return {
    mean: cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length,
    min: Math.min(...cosines),
    tokens: cosines.length,
  };
}

async function hiddenStates({ manifest, files }: Base, encoder: Encoder): Promise<Float32Array[]> {
  const tokenizer = createTokenizer(files.get(manifest.tokenizer)!);
  const { configuration } = manifest;
  const prefix = emptyPrefix(configuration);
  const states: Float32Array[] = [];
  try {
    for (const sentence of SENTENCES) {
      const { ids, typeIds } = tokenizer.encode(sentence);
      const end = maxLengthOf(configuration);
      const row = { ids: ids.slice(0, end), typeIds: typeIds.slice(0, end) };
      const { values } = await encoder.encode([{ ...row, prefix, positionOffset: 0 }], "all");
      states.push(values);
    }
  } finally {
    await encoder.release();
  }
  return states;
}

/** Cosine of each row of two matrices [rows, width]. */
function rowCosines(a: Float32Array, b: Float32Array, width: number): number[] {
  return Array.from({ length: a.length / width }, (_, row) => {
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = row * width; i < (row + 1) * width; i++) {
      ab += a[i]! * b[i]!;
      aa += a[i]! * a[i]!;
      bb += b[i]! * b[i]!;
    }
    return ab / Math.sqrt(aa * bb);
  });
}
