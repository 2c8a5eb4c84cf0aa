/**
 * Cutting vocabularies of byte pairs and of scores, from random vocabularies and corpora. What must hold
 * follows from the models' definitions: a text whose tokens are all kept is read as before. Seeded.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "../../support/properties.ts";
import { afterAll, describe, expect, test } from "vitest";
import { chooseIds, cutTokenizer } from "../../../scripts/base/cut-vocabulary.ts";
import { changedShare, countIds, splitsAtSpaces } from "../../../scripts/base/vocabulary.ts";
import type { CorpusOptions } from "../../../scripts/base/vocabulary.ts";
import type { Tokenizer } from "../../../src/core/tokenizer/tokenizer.ts";
import { BYTE_CHARACTERS } from "../../../src/core/tokenizer/text/byte-alphabet.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { added, tokenizerOf } from "../../support/tokenizer-file.ts";

const SEED = 27;
const folder = temporaryFolder("cut-vocabulary");
afterAll(folder.remove);

/** "<s>", all bytes, and what merges of known tokens make. */
const bytePairs = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 25 }).map((choices) => {
  const known = ["a", "b", "c", "Ġ"];
  const merges: [string, string][] = [];
  for (const [i, j] of choices) {
    const pair: [string, string] = [known[i % known.length]!, known[j % known.length]!];
    if (known.includes(pair.join(""))) continue;
    merges.push(pair);
    known.push(pair.join(""));
  }
  const tokens = ["<s>", ...BYTE_CHARACTERS, ...known.slice(4)];
  return {
    added_tokens: [added("<s>")],
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
    model: { type: "BPE", vocab: Object.fromEntries(tokens.map((t, id) => [t, id])), merges },
  };
});

const scored = fc
  .uniqueArray(fc.string({ unit: fc.constantFrom(..."abc▁"), minLength: 1, maxLength: 4 }), {
    maxLength: 30,
  })
  .chain((tokens) =>
    fc.tuple(fc.constant(tokens), fc.infiniteStream(fc.integer({ min: -90, max: -1 }))),
  )
  .map(([tokens, scores]) => ({
    added_tokens: [added("<s>")],
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always" },
    model: {
      type: "Unigram",
      unk_id: 1,
      vocab: ["<s>", "?", ...tokens].map((token) => [token, scores.next().value! / 10]),
    },
  }));

const text = fc.string({ unit: fc.constantFrom(..."aabbc c"), minLength: 1, maxLength: 12 });
const corpus = fc.array(text, { minLength: 1, maxLength: 6 });

const idsOf = (tokenizer: Tokenizer, of: string): number[] => [...tokenizer.tokenize(of).ids];

/** The lines as a corpus in a file; white space at their ends is none of theirs. */
async function fileOf(lines: readonly string[], json: unknown): Promise<CorpusOptions> {
  const path = join(folder.path, "corpus.txt");
  await writeFile(path, lines.join("\n"));
  return { paths: [path], splitsAtSpaces: splitsAtSpaces(json) };
}

/** Tokens of `before` that `after` has not, counted the slow way. */
function countChanged(before: Tokenizer, after: Tokenizer, ids: Int32Array, of: string): number {
  const spans = ({ ids: found, starts, ends }: ReturnType<Tokenizer["tokenize"]>) =>
    Array.from(found, (id, i) => ({ id, place: `${starts[i]}-${ends[i]}` }));
  const cut = spans(after.tokenize(of));
  return spans(before.tokenize(of)).filter(
    ({ id, place }) => !cut.some((other) => other.place === place && ids[other.id] === id),
  ).length;
}

describe.each([
  ["byte pairs", bytePairs],
  ["scores", scored],
] as const)("a vocabulary of %s", (_, files) => {
  test("that keeps what a corpus uses reads all of the corpus as before", async () => {
    await fc.assert(
      fc.asyncProperty(files, corpus, async (json, lines) => {
        const before = tokenizerOf(json);
        const counts = await countIds(before, await fileOf(lines, json));
        // The least size that keeps every token that occurs.
        let ids = new Int32Array(0);
        for (let size = before.vocabSize; size > 0; size--) {
          let smaller: Int32Array<ArrayBuffer>;
          try {
            smaller = chooseIds(json, counts, size) as Int32Array<ArrayBuffer>;
          } catch {
            break;
          }
          if (counts.some((count, id) => count > 0 && !smaller.includes(id))) break;
          ids = smaller;
        }
        const after = tokenizerOf(cutTokenizer(json, ids));
        for (const line of lines) {
          expect(idsOf(after, line).map((id) => ids[id])).toEqual(idsOf(before, line));
        }
        const options = await fileOf(lines, json);
        expect(await changedShare({ before, after, ids }, options)).toBe(0);
      }),
      { seed: SEED, numRuns: 25 },
    );
  });

  test("of any size works, keeps tokens that can be made, and tells the share that changes", async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        corpus,
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (json, lines, part) => {
          const before = tokenizerOf(json);
          const counts = await countIds(before, await fileOf(lines, json));
          const least = json.model.type === "BPE" ? 257 : 2;
          const size = least + Math.floor(part * (before.vocabSize - least));
          const ids = chooseIds(json, counts, size);
          expect(ids.length).toBeLessThanOrEqual(size);
          const after = tokenizerOf(cutTokenizer(json, ids));
          expect(after.vocabSize).toBe(ids.length);
          if (!Array.isArray(json.model.vocab)) {
            for (const [token, id] of Object.entries(json.model.vocab)) {
              const own = token.replaceAll("Ġ", " ");
              if (
                !ids.includes(id) ||
                !/^[abc ]+$/.test(own) ||
                idsOf(before, own).join() !== `${id}`
              )
                continue;
              expect(idsOf(after, own).map((each) => ids[each])).toEqual([id]);
            }
          }
          const read = lines.filter((line) => line.trim() !== "").map((line) => line.trim());
          const total = read.reduce((sum, line) => sum + idsOf(before, line).length, 0);
          const changed = read.reduce(
            (sum, line) => sum + countChanged(before, after, ids, line),
            0,
          );
          const share = await changedShare({ before, after, ids }, await fileOf(read, json));
          expect(share).toBeCloseTo(total === 0 ? 0 : changed / total, 12);
        },
      ),
      { seed: SEED, numRuns: 25 },
    );
  });
});
