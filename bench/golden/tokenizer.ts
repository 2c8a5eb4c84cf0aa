/** Token ids, offsets, type ids and word ids against Python's tokenizers, text by text. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { FormatError } from "../../src/core/errors.ts";
import { codePointOffsets, createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Encoding, Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import { atMost, skipped } from "./compare.ts";
import type { Check } from "./compare.ts";

/** Which tiny checkpoint's tokenizer made a file, where it is not the file's own name. */
const ARCHITECTURE_OF: Readonly<Record<string, string>> = {
  "wordpiece-cased": "bert-cased",
  "byte-bpe": "roberta",
  unigram: "xlm-roberta",
};
const SUFFIX = ".jsonl.gz";

interface GoldenText {
  readonly text: string;
  readonly pair?: string;
  readonly ids: readonly number[];
  readonly offsets: readonly (readonly [number, number])[];
  readonly type_ids: readonly number[];
  readonly word_ids: readonly (number | null)[];
}

/** Counts texts that differ in anything; a kind of tokenizer that is not supported is skipped. */
export async function checkTokenizers(
  dir: string,
  { checkpoint, architectures }: { checkpoint: string; architectures: string | null },
): Promise<Check[]> {
  const files = (await readdir(dir)).filter((name) => name.endsWith(SUFFIX)).toSorted();
  const checks: Check[] = [];
  for (const file of files) {
    const name = file.slice(0, -SUFFIX.length);
    const label = `tokenizer ${name}`;
    const json = await findTokenizer(dir, name, checkpoint, architectures);
    let tokenizer: Tokenizer;
    try {
      tokenizer = createTokenizer(json);
    } catch (error) {
      if (!(error instanceof FormatError && error.code === "tokenizer-unsupported")) throw error;
      checks.push(skipped(label, error.message));
      continue;
    }
    const lines = gunzipSync(await readFile(join(dir, file)))
      .toString("utf8")
      .trim()
      .split("\n");
    const wrong = lines.filter((line) => !isEqual(tokenizer, JSON.parse(line) as GoldenText));
    const detail = `${lines.length} texts${wrong[0] ? `; first: ${wrong[0].slice(0, 200)}` : ""}`;
    checks.push(atMost(label, "differences", wrong.length, 0, detail));
  }
  return checks;
}

/** `<name>.tokenizer.json` beside the texts, else the tiny checkpoint's, else the checkpoint's own. */
async function findTokenizer(
  dir: string,
  name: string,
  checkpoint: string,
  architectures: string | null,
): Promise<Uint8Array> {
  const own = `${name}.tokenizer.json`;
  if ((await readdir(dir)).includes(own)) return readFile(join(dir, own));
  const architecture = ARCHITECTURE_OF[name];
  const home = architecture && architectures ? join(architectures, architecture) : checkpoint;
  return readFile(join(home, "tokenizer.json"));
}

function isEqual(tokenizer: Tokenizer, golden: GoldenText): boolean {
  const found = tokenizer.encode(golden.text, golden.pair);
  const points = [golden.text, golden.pair ?? ""].map(codePointOffsets);
  return (
    found.ids.length === golden.ids.length &&
    golden.ids.every((id, i) => {
      const point = points[Math.max(0, found.sequenceIds[i]!)]!;
      const [start, end] = golden.offsets[i]!;
      return (
        found.ids[i] === id &&
        point(found.starts[i]!) === start &&
        point(found.ends[i]!) === end &&
        found.typeIds[i] === golden.type_ids[i] &&
        wordId(found, i) === golden.word_ids[i]
      );
    })
  );
}

const wordId = ({ wordIds }: Encoding, i: number): number | null =>
  wordIds[i]! < 0 ? null : wordIds[i]!;
