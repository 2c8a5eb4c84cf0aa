/**
 * Do two bases find the same texts alike? Texts that distillation holds back, each base's own
 * mean-pooled embedding of them as `/v1/embed` gives it, the cosine of every pair of texts, and
 * Spearman's correlation of the two lists of cosines.
 */
import { collate } from "../../src/core/collate.ts";
import { pool } from "../../src/core/head.ts";
import { emptyPrefix } from "../../src/core/prefix.ts";
import { LAST_HIDDEN_STATE } from "../../src/core/shapes.ts";
import { splitWindows } from "../../src/core/windows.ts";
import type { Io } from "../../scripts/commands/command.ts";
import { openBaseFolder } from "../../scripts/local.ts";
import type { RuntimeName } from "../../scripts/local.ts";
import { startProgress } from "../../scripts/progress.ts";
import { spearman } from "../../scripts/training/correlation.ts";
import { readCorpus } from "../../scripts/training/distill/corpus.ts";
import { keyOf } from "../../scripts/training/random.ts";

/** A paragraph that is cut here says what it is about. */
const MAX_LENGTH = 128;

/** The student as it serves, int8 on onnxruntime-web; the teacher in float32. */
export async function similarity(
  student: string,
  teacher: string,
  corpus: string,
  count: number,
  io: Io,
): Promise<{ texts: number; max_length: number; spearman: number }> {
  const { heldBack } = await readCorpus([corpus], {
    maxTexts: 1,
    maxHeldBack: count,
    key: keyOf(0),
  });
  const texts = heldBack.map(({ text }) => text);
  const ours = pairCosines(await embed(student, "web", texts, io));
  const theirs = pairCosines(await embed(teacher, "node", texts, io));
  return { texts: texts.length, max_length: MAX_LENGTH, spearman: spearman(ours, theirs) };
}

/** A unit vector [H] a text. */
async function embed(
  dir: string,
  runtime: RuntimeName,
  texts: readonly string[],
  io: Io,
): Promise<Float32Array[]> {
  const { manifest, tokenizer, session } = await openBaseFolder(dir, runtime);
  const width = manifest.hidden_size;
  const prefix = emptyPrefix(manifest);
  const progress = startProgress(io, { label: `embed, ${manifest.name}`, total: texts.length });
  const vectors: Float32Array[] = [];
  for (const text of texts) {
    io.signal.throwIfAborted();
    const options = { maxLength: MAX_LENGTH, stride: 0, truncation: true };
    const { ids, typeIds } = splitWindows(tokenizer, text, undefined, options).windows[0]!.encoding;
    const feeds = collate([{ ids, typeIds, prefix, positionOffset: 0 }], manifest, "all");
    const { [LAST_HIDDEN_STATE]: states } = await session.run(feeds, [LAST_HIDDEN_STATE]);
    vectors.push(unit(pool(states!.data as Float32Array, ids.length, width, "mean", null)));
    progress.update(vectors.length);
  }
  progress.stop();
  await session.release();
  return vectors;
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

function pairCosines(vectors: readonly Float32Array[]): Float64Array {
  const cosines = new Float64Array((vectors.length * (vectors.length - 1)) / 2);
  let at = 0;
  for (const [i, a] of vectors.entries()) {
    for (const b of vectors.slice(0, i)) {
      cosines[at++] = a.reduce((sum, value, h) => sum + value * b[h]!, 0);
    }
  }
  return cosines;
}
