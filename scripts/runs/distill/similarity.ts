/**
 * How far a student is from its teacher on texts that it never learned from: cosine of the states of
 * each shared stretch, and whether the two find the same pairs of texts alike (Spearman's correlation
 * of the cosines of all pairs of mean-pooled texts).
 */
import { spearman } from "../../../src/learn/measure/correlation.ts";
import { sortedBatches } from "../../../src/learn/loop/sampler.ts";
import type { AlignedText } from "./align.ts";
import { meanPooled, normalizeRows, unitMeans } from "./states.ts";
import type { ReadStates } from "./states.ts";

/** Of all texts, and of each source alone. */
export interface Similarity {
  readonly token_cosine: number;
  readonly spearman: number;
  readonly by_source: Readonly<Record<string, { token_cosine: number; spearman: number }>>;
}

export interface HeldBackText extends AlignedText {
  readonly source: string;
}

/** What the teacher says about the held-back texts: computed once. */
export interface TeacherView {
  readonly units: readonly Float32Array[]; // [numUnits, H] of length 1
  readonly pooled: readonly Float32Array[]; // [H] of length 1
}

const BATCH = 16;

/** Reads the held-back texts with `read`, as one side of the comparison. */
export async function viewOf(
  read: ReadStates,
  texts: readonly HeldBackText[],
  side: "student" | "teacher",
  hidden: number,
  signal?: AbortSignal,
): Promise<TeacherView> {
  const units: Float32Array[] = [];
  const pooled: Float32Array[] = [];
  const lengths = texts.map((text) => text[side].ids.length);
  for (const batch of sortedBatches(lengths, BATCH)) {
    signal?.throwIfAborted();
    const states = await read(batch.map((i) => texts[i]![side]));
    for (const [b, i] of batch.entries()) {
      const { numUnits } = texts[i]!;
      const means = unitMeans(states[b]!, texts[i]![side].units, numUnits, hidden);
      units[i] = normalizeRows(means, hidden);
      pooled[i] = normalizeRows(meanPooled(states[b]!, lengths[i]!, hidden), hidden);
    }
  }
  return { units, pooled };
}

/** Compares two views of the same texts. */
export function similarityOf(
  teacher: TeacherView,
  student: TeacherView,
  texts: readonly HeldBackText[],
  hidden: number,
): Similarity {
  const measure = (rows: readonly number[]) => ({
    token_cosine: tokenCosine(teacher, student, rows, hidden),
    spearman: spearman(pairs(teacher, rows), pairs(student, rows)),
  });
  const bySource = Map.groupBy(texts.keys(), (row) => texts[row]!.source);
  return {
    ...measure([...texts.keys()]),
    by_source: Object.fromEntries(
      [...bySource].map(([source, rows]) => [source, measure(rows)] as const),
    ),
  };
}

/** Mean over all stretches. */
function tokenCosine(
  a: TeacherView,
  b: TeacherView,
  rows: readonly number[],
  hidden: number,
): number {
  let [sum, count] = [0, 0];
  for (const row of rows) {
    sum += dot(a.units[row]!, b.units[row]!);
    count += a.units[row]!.length / hidden;
  }
  return sum / count;
}

/** Cosines of all pairs of pooled texts. */
function pairs({ pooled }: TeacherView, rows: readonly number[]): Float64Array {
  const cosines = new Float64Array((rows.length * (rows.length - 1)) / 2);
  let at = 0;
  for (const [i, first] of rows.entries()) {
    for (const second of rows.slice(0, i)) cosines[at++] = dot(pooled[first]!, pooled[second]!);
  }
  return cosines;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
