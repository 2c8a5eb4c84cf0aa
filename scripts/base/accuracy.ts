/**
 * How far an int8 base is from its checkpoint on a few texts: by the cosine of their hidden states, and
 * by whether each text still has the same nearest neighbour.
 */
import { maxLengthOf } from "../../src/core/format/configuration.ts";
import { pool } from "../../src/core/model/head.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Fidelity } from "../../src/core/format/manifest.ts";
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

/** In pairs that say much the same, so that every text has a neighbour that is meant. */
const PAIRS = [
  ["The soup was cold when it arrived.", "Our meal was not warm enough."],
  ["I forgot my password.", "How can I reset the code for my account?"],
  [
    "The train to Berlin is an hour late.",
    "There is a long delay on the line to Germany's capital.",
  ],
  ["She plays the violin in an orchestra.", "He is a cellist with the city's symphony."],
  ["Prices rose faster than wages last year.", "Inflation was higher than the growth of salaries."],
  ["The match ended without a goal.", "Both teams failed to score."],
  ["Turn off the lights in the kitchen.", "Make it dark where we cook."],
  ["The parcel was delivered to the wrong house.", "A neighbour received my package by mistake."],
  ["It will rain all weekend.", "Expect wet weather on Saturday and Sunday."],
  ["The court rejected the appeal.", "Judges upheld the earlier verdict."],
  ["This phone's battery lasts two days.", "You need to charge the device only every other day."],
  ["Add flour and stir until smooth.", "Mix in the wheat powder so that no lumps are left."],
] as const;
/** Another neighbour that is as near by this much in float32 counts as the same. */
const TIE = 0.005;

/** A base and how it is loaded. */
export interface Loadable {
  readonly base: Base;
  readonly load: LoadEncoder;
}

/** The int8 base `candidate` against `reference`. */
export async function fidelityOf(reference: Loadable, candidate: Loadable): Promise<Fidelity> {
  const texts = [...SENTENCES, ...PAIRS.flat()];
  const expected = await hiddenStates(reference, texts);
  const found = await hiddenStates(candidate, texts);
  const width = reference.base.manifest.configuration.hidden_size;
  const cosines = expected.flatMap((states, i) => rowCosines(states, found[i]!, width));
  return {
    cosine: cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length,
    worst_cosine: Math.min(...cosines),
    same_neighbours: sameNeighbours(
      expected.map((states) => meanOf(states, width)),
      found.map((states) => meanOf(states, width)),
    ),
  };
}

/** The share of texts whose nearest neighbour by `found` is the one by `expected`. */
function sameNeighbours(expected: readonly Float32Array[], found: readonly Float32Array[]): number {
  const nearest = (vectors: readonly Float32Array[], of: number): { at: number; all: number[] } => {
    const all = vectors.map((vector, i) =>
      i === of ? -Infinity : rowCosines(vectors[of]!, vector, vector.length)[0]!,
    );
    return { at: all.indexOf(Math.max(...all)), all };
  };
  const same = expected.filter((_, i) => {
    const wanted = nearest(expected, i);
    return wanted.all[nearest(found, i).at]! >= wanted.all[wanted.at]! - TIE;
  });
  return same.length / expected.length;
}

const meanOf = (states: Float32Array, width: number): Float32Array =>
  pool(states, states.length / width, width, "mean", null);

async function hiddenStates(
  { base, load }: Loadable,
  texts: readonly string[],
): Promise<Float32Array[]> {
  const { manifest, files } = base;
  const encoder = await load(base);
  const tokenizer = createTokenizer(files.get(manifest.tokenizer)!);
  const { configuration } = manifest;
  const prefix = emptyPrefix(configuration);
  const states: Float32Array[] = [];
  try {
    for (const sentence of texts) {
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
