/** What a distillation is made of besides its graph: alignment, texts, batches, similarity, steps. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { chooseIds, cutTokenizer } from "../../../../scripts/base/cut-vocabulary.ts";
import { alignText, bordersOf } from "../../../../scripts/runs/distill/align.ts";
import { roundsOf, tokenBatches } from "../../../../scripts/runs/distill/batches.ts";
import { cutLine, readCorpus } from "../../../../scripts/runs/distill/corpus.ts";
import { similarityOf } from "../../../../scripts/runs/distill/similarity.ts";
import { stepsOnce } from "../../../../scripts/runs/distill/steps.ts";
import { keyOf } from "../../../../src/learn/random.ts";
import { temporaryFolder } from "../../../support/folders.ts";
import { TINY_VOCAB, tinyTokenizerJson } from "../../../support/tiny-base.ts";
import { tokenizerOf } from "../../../support/tokenizer-file.ts";

const folder = temporaryFolder("distill-parts");
afterAll(folder.remove);

const json = tinyTokenizerJson();
const teacher = tokenizerOf(json);
/** Special tokens and characters alone: every word is spelled. */
const spelling = tokenizerOf(
  cutTokenizer(
    json,
    chooseIds(
      json,
      new Float64Array(TINY_VOCAB.length),
      TINY_VOCAB.filter((token) => /^(\[[A-Z]+\]|(##)?.)$/.test(token)).length,
    ),
  ),
);

describe("aligning two tokenizers", () => {
  test("that split alike gives one stretch a token", () => {
    const {
      student,
      teacher: other,
      numUnits,
    } = alignText("the film was good", teacher, teacher, 64);
    expect(numUnits).toBe(6); // four words, [CLS], [SEP]
    expect([...student.units]).toEqual([4, 0, 1, 2, 3, 5]);
    expect(other).toEqual(student);
  });

  test("puts all pieces of a word that one of them spells into the other's one token", () => {
    const { student, teacher: other, numUnits } = alignText("a movie!", spelling, teacher, 64);
    expect([...student.units]).toEqual([3, 0, 1, 1, 1, 1, 1, 2, 4]);
    expect([...other.units]).toEqual([3, 0, 1, 2, 4]);
    expect(numUnits).toBe(5);
  });

  test("finds borders inside a word that both have", () => {
    // ab|cd|e and abcd|e -> {ab cd | abcd}, {e | e}
    const side = (...ends: number[]) => ({
      starts: Int32Array.from(ends, (_, i) => (i === 0 ? 0 : ends[i - 1]!)),
      ends: Int32Array.from(ends),
    });
    expect(bordersOf(side(2, 4, 5), side(4, 5))).toEqual([
      { student: 2, teacher: 1 },
      { student: 3, teacher: 2 },
    ]);
    // a|bcd and abc|d share no border before the end.
    expect(bordersOf(side(1, 4), side(3, 4))).toEqual([{ student: 2, teacher: 2 }]);
  });

  test("keeps several pieces of one character together", () => {
    // One character that the student's normalizer takes apart: both pieces stand where it stands.
    const student = { starts: Int32Array.of(0, 0, 1), ends: Int32Array.of(1, 1, 2) };
    const other = { starts: Int32Array.of(0, 1), ends: Int32Array.of(1, 2) };
    expect(bordersOf(student, other)).toEqual([
      { student: 2, teacher: 1 },
      { student: 3, teacher: 2 },
    ]);
  });

  test("cuts whole stretches so that both sides fit", () => {
    const {
      student,
      teacher: other,
      numUnits,
    } = alignText("the movie plot", spelling, teacher, 10);
    // [CLS] t h e m o v i e [SEP] are ten; "plot" would not fit the student any more.
    expect(student.ids).toHaveLength(10);
    expect(other.ids).toHaveLength(4);
    expect(numUnits).toBe(4);
  });

  test("is refused where the special tokens differ", () => {
    const bare = tokenizerOf({ ...json, post_processor: null });
    expect(() => alignText("film", bare, teacher, 64)).toThrow(
      /the student's adds 0 special tokens to a text, the teacher's 2/,
    );
  });
});

describe("texts of a corpus", () => {
  const lines = Array.from(
    { length: 500 },
    (_, i) => `Line ${i} tells something. It has more to say! Does it end?`,
  );

  test("come from lines that are not held back, whatever the seed", async () => {
    const path = join(folder.path, "lines.txt");
    await writeFile(path, lines.join("\n"));
    const read = (seed: number) =>
      readCorpus([path], { maxTexts: 10_000, maxHeldBack: 100, key: keyOf(seed) });
    const [first, second] = [await read(1), await read(2)];
    const held = ({ heldBack }: typeof first) => heldBack.map(({ text }) => text).toSorted();
    expect(held(first)).toEqual(held(second));
    expect(held(first).length).toBeGreaterThan(0);
    const numbers = held(first).map((text) => /^Line (\d+) /.exec(text)![1]);
    for (const number of numbers) {
      expect(first.texts.some((text) => text.startsWith(`Line ${number} `))).toBe(false);
    }
    expect(first.sources).toEqual([
      {
        name: "lines.txt",
        lines: 500,
        texts: first.texts.length,
        heldBack: first.heldBack.length,
      },
    ]);
    expect(second.sha256).not.toBe(first.sha256);
    expect((await read(1)).sha256).toBe(first.sha256);
  });

  test("are at most as many as asked for, a random choice", async () => {
    const path = join(folder.path, "lines.txt");
    const { texts } = await readCorpus([path], { maxTexts: 40, maxHeldBack: 5, key: keyOf(1) });
    expect(texts).toHaveLength(40);
    const late = texts.filter((text) => Number(/Line (\d+)/.exec(text)?.[1] ?? 0) > 250);
    expect(late.length).toBeGreaterThan(0);
  });

  test("are refused when there are too few", async () => {
    const path = join(folder.path, "few.txt");
    await writeFile(path, "\n\nshort\nOne line only, and it is not enough.\n");
    await expect(
      readCorpus([path], { maxTexts: 10, maxHeldBack: 10, key: keyOf(1) }),
    ).rejects.toThrow(/found 1 texts to train on and 0 held back in 4 lines/);
  });

  test("are runs of sentences, each sentence once", () => {
    const line = "He came on 3. August to St. Mary's Hospital. She left early? “Why!” they asked.";
    for (const draw of [0, 0.5, 0.7, 0.99]) {
      expect(cutLine(line, () => draw).join(" ")).toBe(line);
    }
    expect(cutLine("It rained all day. We stayed in. So it ended.", () => 0)).toEqual([
      "It rained all day.",
      "We stayed in.",
      "So it ended.",
    ]);
    expect(cutLine("It rained all day. We stayed in. So it ended.", () => 0.99)).toHaveLength(1);
  });
});

describe("batches by tokens", () => {
  const lengths = Array.from({ length: 300 }, (_, i) => 3 + ((i * 7) % 60));

  test("hold every text once and no more tokens, padding counted, than the budget", () => {
    const batches = tokenBatches(lengths, 128, keyOf(5));
    expect(batches.flat().toSorted((a, b) => a - b)).toEqual([...lengths.keys()]);
    for (const rows of batches) {
      const longest = Math.max(...rows.map((row) => lengths[row]!));
      expect(rows.length * longest).toBeLessThanOrEqual(128);
    }
  });

  test("let a text that is longer than the budget stand alone", () => {
    expect(tokenBatches([5, 500, 6], 64, keyOf(1)).find((rows) => rows.includes(1))).toEqual([1]);
  });

  test("of a run are as many as asked for, however often that passes over the texts", () => {
    const plan = roundsOf({ lengths, batchTokens: 128, perRound: 100, rounds: 3, key: keyOf(2) });
    expect([0, 1, 2].map((round) => plan.of(round).length)).toEqual([100, 100, 100]);
    const seen = [0, 1, 2].flatMap((round) => plan.of(round)).flat();
    expect(new Set(seen).size).toBe(300);
    expect(seen.length).toBeGreaterThan(300);
  });
});

describe("similarity", () => {
  const view = (rows: readonly (readonly number[])[]) => ({
    units: rows.map((row) => Float32Array.from(row)),
    pooled: rows.map((row) => Float32Array.from(row)),
  });
  const text = (source: string) => ({
    student: { ids: new Int32Array(1), typeIds: new Int32Array(1), units: new Int32Array(1) },
    teacher: { ids: new Int32Array(1), typeIds: new Int32Array(1), units: new Int32Array(1) },
    numUnits: 1,
    source,
  });
  const texts = [text("a"), text("a"), text("a")];

  test("is 1 and 1 for the teacher itself", () => {
    const own = view([
      [1, 0],
      [0, 1],
      [0.6, 0.8],
    ]);
    const { token_cosine, spearman, by_source } = similarityOf(own, own, texts, 2);
    expect(token_cosine).toBeCloseTo(1, 6);
    expect(spearman).toBeCloseTo(1, 12);
    expect(by_source["a"]).toEqual({ token_cosine, spearman });
  });

  test("asks for the order of pairs, not for their cosines", () => {
    const own = view([
      [1, 0],
      [0, 1],
      [0.6, 0.8],
    ]); // pairs 0, .6, .8
    const flat = view([
      [1, 0],
      [0.6, 0.8],
      [0.8, 0.6],
    ]); // pairs .6, .8, .96: other numbers in the same order
    const found = similarityOf(own, flat, texts, 2);
    expect(found.spearman).toBeCloseTo(1, 12);
    expect(found.token_cosine).toBeCloseTo((1 + 0.8 + 0.96) / 3, 6);
  });
});

describe("steps that fit the minutes", () => {
  const note = () => {};

  test("follow from the speed at the start and are kept for the run that resumes", async () => {
    const work = join(folder.path, "work");
    const fresh = stepsOnce(work, { minutes: 2 }, { isResumed: false, note });
    expect(await fresh(() => Promise.resolve(0.5))).toBe(240);
    const resumed = stepsOnce(work, { minutes: 2 }, { isResumed: true, note });
    expect(await resumed(() => Promise.reject(new Error("not asked")))).toBe(240);
    expect(JSON.parse(await readFile(join(work, "plan.json"), "utf8"))).toEqual({
      minutes: 2,
      steps: 240,
    });
    const other = stepsOnce(work, { minutes: 3 }, { isResumed: true, note });
    await expect(other(() => Promise.resolve(0.5))).rejects.toThrow(
      /was planned for 2 minutes, --minutes is 3/,
    );
  });

  test("are measured again where nothing was kept", async () => {
    const work = join(folder.path, "nowhere");
    const resumed = stepsOnce(work, { minutes: 1 }, { isResumed: true, note });
    expect(await resumed(() => Promise.resolve(10))).toBe(6);
  });

  test("are what was asked for when that was a number", async () => {
    const steps = stepsOnce(folder.path, { steps: 7 }, { isResumed: false, note });
    expect(await steps(() => Promise.reject(new Error("not asked")))).toBe(7);
  });
});
