/**
 * What does the form of the word table cost, before any training? Students of the same layers and
 * nearly the same bytes: fewer words, words of fewer bits, words out of a smaller matrix. Each is
 * compared with its teacher on held-back texts, as `distill` does it.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import type { Base } from "../src/encoder/base.ts";
import type { Shape, WordTable } from "./distill/measure-shapes.ts";
import { provenance } from "./provenance.ts";
import { table } from "./stats.ts";

const RESULT = new URL("results/distill/shapes.json", import.meta.url).pathname;

const int8 = async (words: WordTable): Promise<WordTable> => {
  const { dequantize, quantizeTable } = await import("../src/graph/quantization/int8.ts");
  const { values, scale } = quantizeTable(words);
  return dequantize(values, scale);
};
const rank = (r: number): Omit<Shape, "name"> => ({
  words: null,
  bytes: (vocab, hidden) => vocab * (r + 4) + r * hidden,
  round: async (words) => (await import("./distill/low-rank.ts")).lowRank(words, r),
});

const SHAPES: readonly Shape[] = [
  { name: "all words, float32", words: null, bytes: (v, h) => 4 * v * h, round: (words) => words },
  { name: "12,000 words, int8", words: 12_000, bytes: (v, h) => v * (h + 4), round: int8 },
  { name: "all words, rank 128", ...rank(128) },
  { name: "all words, rank 160", ...rank(160) },
  {
    name: "26,500 words, 4 bits",
    words: 26_500,
    bytes: (v, h) => v * (h / 2 + 4),
    round: async (words) => {
      const { packTable, unpackTable } = await import("../src/graph/quantization/packed-table.ts");
      return unpackTable(packTable(words, 4), words.dims[1]!);
    },
  },
];

export const bench: Command = defineCommand({
  summary: "how near students are to their teacher before training, by the form of the word table",
  usage: "--teacher FP32_DIR --corpus F [--layers LIST]",
  example:
    "npx edge-prefix bench student-shapes --teacher models/minilm-fp32 --corpus corpus.txt.gz",
  options: {
    teacher: { type: "string", value: "DIR", hint: "fp32 base" },
    corpus: { type: "string", value: "F", multiple: true, hint: "text file, .gz too" },
    layers: { type: "string", value: "LIST", default: "0,4,5", hint: "layers of the students" },
    threads: { type: "string", value: "N", hint: "threads inside one operation (one a core)" },
    result: { type: "string", value: "F", default: RESULT, hint: "where the numbers go" },
  },
  async run({ values, io }) {
    const paths = required(values.corpus, "--corpus");
    const layers = values.layers.split(",").map((part) => readInteger(part, "--layers")!);
    const threads = readInteger(values.threads, "--threads", { min: 1 });
    const { readBaseFolder } = await import("../scripts/base/folder.ts");
    const { countIds } = await import("../scripts/base/vocabulary.ts");
    const { tokenizerOf } = await import("../scripts/publish/local.ts");
    const { readCorpus } = await import("../scripts/runs/distill/corpus.ts");
    const { derive, keyOf } = await import("../src/learn/random.ts");
    const { measureShapes } = await import("./distill/measure-shapes.ts");

    const teacher = await readBaseFolder(required(values.teacher, "--teacher"));
    const counts = await countIds(tokenizerOf(teacher), paths);
    const { heldBack, sources } = await readCorpus(paths, {
      maxTexts: 1,
      maxHeldBack: 48,
      key: derive(keyOf(0), "corpus"),
    });
    const rows = await measureShapes(SHAPES, {
      teacher,
      layers,
      counts,
      heldBack,
      threads,
      note: (line) => io.err(line),
    });
    const result = {
      ...(await provenance()),
      teacher: refOf(teacher),
      layers,
      sources,
      shapes: rows,
    };
    await mkdir(dirname(values.result), { recursive: true });
    await writeFile(values.result, `${JSON.stringify(result, null, 2)}\n`);
    if (io.json) io.out(JSON.stringify(result));
    else {
      const lines = rows.map(({ name, megabytes, similarity }) => [
        name,
        megabytes.toFixed(1),
        similarity.token_cosine.toFixed(3),
        similarity.spearman.toFixed(3),
      ]);
      io.out(table([["word table", "MB", "token cosine", "Spearman"], ...lines]));
    }
    return 0;
  },
});

const refOf = ({ manifest: { name, identity } }: Base) => ({ name, identity });
