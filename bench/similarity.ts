/**
 * How near is a base to the larger one that it was distilled from? Both read texts that `distill`
 * holds back, each by its serving graph: cosine of the states of single tokens, and Spearman's
 * correlation of the similarities of all pairs of mean-pooled texts.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { defineCommand, readInteger, required } from "../scripts/commands/command.ts";
import type { Command } from "../scripts/commands/command.ts";
import { BUNDLED_BASE } from "../scripts/local.ts";
import { provenance } from "./provenance.ts";
import { table } from "./stats.ts";

const RESULT = new URL("results/distill/similarity.json", import.meta.url).pathname;
/** As distill cuts what it measures on. */
const MAX_LENGTH = 128;

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
    const { openBaseFolder } = await import("../scripts/local.ts");
    const { alignText } = await import("../scripts/training/distill/align.ts");
    const { readCorpus } = await import("../scripts/training/distill/corpus.ts");
    const { similarityOf, viewOf } = await import("../scripts/training/distill/similarity.ts");
    const { servedStates } = await import("../scripts/training/distill/states.ts");
    const { derive, keyOf } = await import("../scripts/training/random.ts");

    const teacher = await openBaseFolder(required(values.teacher, "--teacher"), "node");
    const base = await openBaseFolder(values.base, "web");
    const { heldBack, sources } = await readCorpus(paths, {
      maxTexts: 1,
      maxHeldBack,
      key: derive(keyOf(0), "corpus"),
    });
    const texts = heldBack.map(({ text, source }) => ({
      ...alignText(text, base.tokenizer, teacher.tokenizer, MAX_LENGTH),
      source,
    }));
    const { hidden_size: hidden } = teacher.manifest;
    const view = ({ session, manifest }: typeof base, side: "teacher" | "student") =>
      viewOf(servedStates(session, manifest), texts, side, hidden, io.signal);
    const [wanted, found] = [await view(teacher, "teacher"), await view(base, "student")];
    const similarity = similarityOf(wanted, found, texts, hidden);
    await teacher.session.release();
    await base.session.release();

    const ref = ({ manifest: { name, identity, dtype } }: typeof base) => ({
      name,
      identity,
      dtype,
    });
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
