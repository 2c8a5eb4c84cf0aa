/** `shrink`: a smaller base from a base folder: some of its layers, the words that a corpus uses. */
import { resolve } from "node:path";
import { checkName } from "../../src/core/format/keys.ts";
import { encodeUtf8, parseJson } from "../../src/core/text.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Base } from "../../src/encoder/base.ts";
import { nameFrom } from "../base/names.ts";
import { TABLE_FORMS } from "../../src/encoder/quantize-weights.ts";
import { UsageError, defineCommand, readChoice, readInteger, required } from "../cli/command.ts";
import type { Io } from "../cli/command.ts";

export const command = defineCommand({
  summary: "make a smaller base: keep some layers and the most used words",
  usage: "BASE_DIR --out DIR --layers LIST [--corpus F.txt.gz --vocab-size N]",
  example:
    "npx edge-prefix shrink models/minilm --out models/minilm-small --layers 0,4,5 --corpus corpus.txt.gz --vocab-size 16000",
  options: {
    out: {
      type: "string",
      value: "DIR",
      hint: "base folder to write; an existing base is replaced",
    },
    layers: {
      type: "string",
      value: "LIST",
      hint: "layers to keep, counted from 0 (default: all)",
    },
    corpus: {
      type: "string",
      value: "F",
      multiple: true,
      hint: "text file, .gz too, that decides which words stay",
    },
    "vocab-size": { type: "string", value: "N", hint: "words to keep (with --corpus)" },
    dtype: {
      type: "string",
      value: "int8|fp32",
      hint: "weights of the result (default: as they are)",
    },
    tables: {
      type: "string",
      value: TABLE_FORMS.join("|"),
      hint: "embeddings of an fp32 base that becomes int8: compact is half as large (int8)",
    },
    name: { type: "string", value: "NAME", hint: "name of the new base (default: the folder's)" },
  },
  async run({ values, positionals, io }) {
    const [dir, ...more] = positionals;
    if (dir === undefined || more.length > 0) {
      throw new UsageError(`shrink: expected one base folder, found ${positionals.length}`);
    }
    const out = required(values.out, "--out");
    if (resolve(out) === resolve(dir)) {
      throw new UsageError(`--out is the base itself (${dir}), expected another folder`);
    }
    const name = checkName("base", values.name ?? nameFrom(out));
    const corpus = values.corpus ?? [];
    const size = readInteger(values["vocab-size"], "--vocab-size", { min: 1 });
    if ((size === undefined) !== (corpus.length === 0)) {
      throw new UsageError("shrink: --corpus and --vocab-size belong together");
    }
    const layers = values.layers === undefined ? null : readLayers(values.layers);
    if (layers === null && size === undefined) {
      throw new UsageError(
        "shrink: expected --layers, or --corpus with --vocab-size, or all three",
      );
    }
    const { checkBaseReplaceable, readBaseFolder, writeBaseFolder } =
      await import("../base/base-folder.ts");
    const { shrinkBase } = await import("../base/shrink.ts");
    const { createNodeSession } = await import("../node/runtime-node.ts");
    await checkBaseReplaceable(out);
    const base = await readBaseFolder(dir);
    const dtype = readChoice(values.dtype, "--dtype", ["int8", "fp32"]) ?? base.manifest.dtype;
    const tables = readChoice(values.tables, "--tables", TABLE_FORMS);
    if (tables !== undefined && (base.manifest.dtype === "int8" || dtype === "fp32")) {
      throw new UsageError(
        `--tables: ${dir} is ${base.manifest.dtype} and the result ${dtype}; tables take another form only where an fp32 base becomes int8 (--dtype int8)`,
      );
    }
    const count = base.manifest.configuration.num_hidden_layers;
    const words = size === undefined ? null : await chooseWords(base, corpus, size, io);
    const small = await shrinkBase(base, {
      name,
      layers: layers ?? Array.from({ length: count }, (_, i) => i),
      ids: words?.ids ?? null,
      dtype,
      ...(tables && { tables }),
      openSession: createNodeSession,
      created: new Date(),
    });
    await writeBaseFolder(out, small);
    report(base, small, out, words, io);
    return 0;
  },
});

function readLayers(text: string): number[] {
  const layers = text.split(",").map((part) => readInteger(part, "--layers", { min: 0, max: 95 })!);
  return [...new Set(layers)].sort((a, b) => a - b);
}

/** The ids to keep; the share of the corpus' tokens that they cover, and of those that change. */
interface Words {
  readonly ids: Int32Array;
  readonly coverage: number;
  readonly changed: number;
}

async function chooseWords(
  { manifest, files }: Base,
  corpus: readonly string[],
  size: number,
  io: Io,
): Promise<Words> {
  const { changedShare, countIds, splitsAtSpaces } = await import("../base/vocabulary.ts");
  const { chooseIds, cutTokenizer } = await import("../base/cut-vocabulary.ts");
  const file = files.get(manifest.tokenizer)!;
  const json = parseJson(file, manifest.tokenizer);
  const before = createTokenizer(file);
  const options = {
    paths: corpus,
    splitsAtSpaces: splitsAtSpaces(json),
    onProgress: (lines: number): void => {
      io.signal.throwIfAborted();
      if (lines % 200_000 === 0) io.err(`${lines.toLocaleString("en")} lines`);
    },
  };
  io.err(`counting words in ${corpus.join(", ")}`);
  const counts = await countIds(before, options);
  const ids = chooseIds(json, counts, size);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const covered = ids.reduce((sum, id) => sum + (counts[id] ?? 0), 0);
  io.err("comparing what both tokenizers make of it");
  const after = createTokenizer(encodeUtf8(JSON.stringify(cutTokenizer(json, ids))));
  const changed = await changedShare({ before, after, ids }, options);
  return { ids, coverage: total === 0 ? 0 : covered / total, changed };
}

function report(
  from: Base,
  { manifest, files }: Base,
  out: string,
  choice: Words | null,
  io: Io,
): void {
  const bytes = [...files.values()].reduce((sum, file) => sum + file.byteLength, 0);
  const { name, dtype, identity } = manifest;
  const { num_hidden_layers: layers, vocab_size: words } = manifest.configuration;
  if (io.json) {
    const parent = from.manifest.identity;
    io.out(
      JSON.stringify({
        name,
        dtype,
        out,
        identity,
        from: parent,
        layers,
        vocab_size: words,
        coverage: choice?.coverage ?? null,
        changed: choice?.changed ?? null,
        bytes,
      }),
    );
    return;
  }
  const percent = (share: number): string => `${(100 * share).toFixed(share < 0.01 ? 3 : 1)} %`;
  const covers =
    choice === null
      ? ""
      : ` covering ${percent(choice.coverage)} of the corpus, of whose tokens ${percent(choice.changed)} change`;
  io.out(
    `base ${name}@${identity.slice(0, 12)} in ${out}: ${layers} layers, ${words.toLocaleString("en")} words${covers}, ${dtype}, ${(bytes / 1e6).toFixed(1)} MB`,
  );
}
