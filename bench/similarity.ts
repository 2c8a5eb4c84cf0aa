/**
 * How near is a base to the larger one that it was distilled from? Both read texts that `distill`
 * holds back, each by its serving graph: cosine of the states of single tokens, and Spearman's
 * correlation of the similarities of all pairs of mean-pooled texts.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { provenance } from "./provenance.ts";
import { table } from "./stats.ts";

const RESULT = new URL("results/distill/similarity.json", import.meta.url).pathname;

export const bench: Command = defineCommand({
  summary: "how near a base's hidden states and text similarities are to a larger base's",
  usage: "--teacher DIR --corpus F [--base DIR] [--texts N]",
  example: "npx edge-prefix bench similarity --teacher models/minilm --corpus corpus.txt.gz",
  options: {
    teacher: { type: "string", value: "DIR", hint: "the larger base" },
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "the smaller one" },
    corpus: { type: "string", value: "F", multiple: true, hint: "text file, .gz too" },
    texts: { type: "string", value: "N", default: "200", hint: "held-back texts of each file" },
    result: { type: "string", value: "F", default: RESULT, hint: "where the numbers go" },
  },
  async run({ values, io }) {
    const paths = required(values.corpus, "--corpus");
    const maxHeldBack = readInteger(values.texts, "--texts", { min: 2, max: 5000 })!;
    const { compareBases } = await import("./distill/compare-bases.ts");
    const dirs = { teacher: required(values.teacher, "--teacher"), base: values.base };
    const { teacher, base, sources, similarity } = await compareBases(
      dirs,
      paths,
      maxHeldBack,
      io.signal,
    );
    const ref = ({ name, identity, dtype }: typeof base) => ({ name, identity, dtype });
    const result = {
      ...(await provenance()),
      teacher: ref(teacher),
      base: ref(base),
      sources,
      similarity,
    };
    await mkdir(dirname(values.result), { recursive: true });
    await writeFile(values.result, `${JSON.stringify(result, null, 2)}\n`);
    if (io.json) io.out(JSON.stringify(result));
    else {
      const rows = [["all", similarity] as const, ...Object.entries(similarity.by_source)];
      io.out(
        table([
          ["texts", "token cosine", "Spearman"],
          ...rows.map(([name, { token_cosine, spearman }]) => [
            name,
            token_cosine.toFixed(4),
            spearman.toFixed(4),
          ]),
        ]),
      );
    }
    return 0;
  },
});
