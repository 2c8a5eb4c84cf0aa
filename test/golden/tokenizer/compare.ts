/**
 * Counts the texts of golden files that the tokenizer reads otherwise than Python's library did:
 *
 *     node test/golden/tokenizer/compare.ts FILE..
 *
 * Files are those of the make_*golden.py beside it, with any --texts and --seed. Ends with status 1 when
 * a text differs.
 */
import { readFileSync } from "node:fs";
import { toPython } from "../../../scripts/commands/tokenize.ts";
import { tokenizerOf } from "../../support/tokenizer-file.ts";

interface Case extends Record<string, unknown> {
  readonly text: string;
  readonly pair?: string;
}

interface GoldenFile {
  /** The model that all variants share, or only its vocabulary. */
  readonly model?: object;
  readonly vocab?: object;
  readonly variants: Readonly<
    Record<string, { readonly tokenizer: { readonly model: object }; readonly cases: Case[] }>
  >;
}

let count = 0;
let differing = 0;
for (const path of process.argv.slice(2)) {
  const { model, vocab, variants } = JSON.parse(readFileSync(path, "utf8")) as GoldenFile;
  for (const [name, { tokenizer: file, cases }] of Object.entries(variants)) {
    const tokenizer = tokenizerOf({ ...file, model: { ...(model ?? { vocab }), ...file.model } });
    for (const { text, pair, ...expected } of cases) {
      count++;
      const found: Record<string, unknown> = toPython(tokenizer.encode(text, pair), text, pair);
      const wrong = Object.keys(expected).filter(
        (field) => JSON.stringify(found[field]) !== JSON.stringify(expected[field]),
      );
      if (wrong.length === 0) continue;
      if (++differing <= 10) console.log(path, name, JSON.stringify({ text, pair }), wrong.join());
    }
  }
}
console.log(`${count} texts, ${differing} differ`);
process.exitCode = differing === 0 ? 0 : 1;
