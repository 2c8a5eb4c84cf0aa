/** Students of several shapes, untrained, beside their teacher. */
import type { Base } from "../../src/encoder/base.ts";
import { shrinkBase } from "../../scripts/base/shrink.ts";
import { chooseIds } from "../../scripts/base/vocabulary.ts";
import type { IdCounts } from "../../scripts/base/vocabulary.ts";
import { tokenizerOf } from "../../scripts/publish/local.ts";
import { packGraph } from "../../src/graph/encoding/pack.ts";
import { openBase } from "../../scripts/publish/local.ts";
import { createNodeSession } from "../../scripts/node/runtime-node.ts";
import { alignText } from "../../scripts/runs/distill/align.ts";
import type { HeldBack } from "../../scripts/runs/distill/corpus.ts";
import { buildStudentGraph } from "../../scripts/runs/distill/graph.ts";
import { similarityOf, viewOf } from "../../scripts/runs/distill/similarity.ts";
import type { Similarity } from "../../scripts/runs/distill/similarity.ts";
import { servedStates, studentStates } from "../../scripts/runs/distill/states.ts";
import { encoderOf } from "../../src/learn/loop/step.ts";
import { float32, toFloat32 } from "../../src/core/model/tensor.ts";
import type { TensorOf } from "../../src/core/model/tensor.ts";
import { parseJson } from "../../src/core/text.ts";

export type WordTable = TensorOf<"float32">;

/** A form of the word table. */
export interface Shape {
  readonly name: string;
  /** Words that remain; null: all. */
  readonly words: number | null;
  /** Bytes of the table [V, H] and what belongs to it. */
  readonly bytes: (vocab: number, hidden: number) => number;
  /** The table as it would be after it was stored. */
  readonly round: (words: WordTable) => Promise<WordTable> | WordTable;
}

export interface MeasuredShape {
  readonly name: string;
  readonly megabytes: number;
  readonly similarity: Similarity;
}

/** As distill cuts what it measures on. */
const MAX_LENGTH = 128;

export interface ShapesOptions {
  readonly teacher: Base;
  readonly layers: readonly number[];
  readonly counts: IdCounts;
  readonly heldBack: readonly HeldBack[];
  readonly threads: number | undefined;
  readonly note: (line: string) => void;
}

/** Measures one after the other; the teacher reads the texts once for each tokenizer. */
export async function measureShapes(
  shapes: readonly Shape[],
  { teacher, layers, counts, heldBack, threads, note }: ShapesOptions,
): Promise<MeasuredShape[]> {
  const { hidden_size: hidden } = teacher.manifest.configuration;
  const json = parseJson(teacher.files.get(teacher.manifest.tokenizer)!, "tokenizer.json");
  const open = (files: Parameters<typeof createNodeSession>[0]) =>
    createNodeSession(files, { ...(threads !== undefined && { threads }) });
  const loadedTeacher = await openBase(teacher, "node");
  const measured: MeasuredShape[] = [];
  for (const { name, words, bytes, round } of shapes) {
    note(name);
    const student = await shrinkBase(teacher, {
      name: "student",
      layers,
      ids: words === null ? null : chooseIds(json, counts, words),
      dtype: "fp32",
      openSession: open,
      created: new Date(0),
    });
    const texts = heldBack.map(({ text, source }) => ({
      ...alignText(text, tokenizerOf(student), tokenizerOf(teacher), MAX_LENGTH),
      source,
    }));
    const encoder = encoderOf(student);
    const { wordTable } = encoder.architecture;
    const stored = encoder.weights.get(wordTable)!;
    const rounded = await round(float32(stored.dims, toFloat32(stored)));
    const weights = new Map([...encoder.weights, [wordTable, rounded]]);
    const graph = buildStudentGraph({ ...encoder, weights }, []);
    const session = await open(packGraph(graph, { isExternal: (name) => weights.has(name) }));
    const similarity = similarityOf(
      await viewOf(servedStates(loadedTeacher), texts, "teacher", hidden),
      await viewOf(
        studentStates(session, student.manifest, () => ({})),
        texts,
        "student",
        hidden,
      ),
      texts,
      hidden,
    );
    await session.release();
    measured.push({ name, megabytes: bytes(stored.dims[0]!, hidden) / 1e6, similarity });
  }
  await loadedTeacher.encoder.release();
  return measured;
}
