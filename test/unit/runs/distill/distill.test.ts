/**
 * `distill` from the command line, on bases small enough for a test: it learns, it goes on where it
 * was interrupted to the same bytes, and it says what is wrong with what it was given.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readBaseFolder } from "../../../../scripts/base/base-folder.ts";
import { keyOf, uniforms } from "../../../../src/learn/random.ts";
import { temporaryFolder } from "../../../support/folders.ts";
import { TINY_VOCAB, writeTinyBase } from "../../../support/tiny-base.ts";
import { asText, runVerb, watchVerb } from "../../../support/verb.ts";

const folder = temporaryFolder("distill");
afterAll(folder.remove);
const at = (...path: readonly string[]): string => join(folder.path, ...path);

const WORDS = TINY_VOCAB.filter((token) => /^[a-z]{3,}$/.test(token));

beforeAll(async () => {
  await writeTinyBase(at("teacher"), { dtype: "fp32", seed: 1 });
  await writeTinyBase(at("wide"), { dtype: "fp32", seed: 1, config: { hidden_size: 64 } });
  await writeTinyBase(at("int8"), { dtype: "int8", seed: 1 });
  const random = uniforms(keyOf(4));
  const lines = Array.from({ length: 600 }, () =>
    Array.from(
      { length: 3 + Math.floor(12 * random()) },
      () => WORDS[Math.floor(random() * WORDS.length)]!,
    ).join(" "),
  );
  await writeFile(at("corpus.txt"), lines.join("\n"));
  await writeFile(at("empty.txt"), "\n");
  const shrink = ["shrink", at("teacher"), "--layers", "0", "--out"];
  await runVerb(...shrink, at("student"));
  const cut = ["--corpus", at("corpus.txt"), "--vocab-size", "150"];
  await runVerb(...shrink, at("spelling"), ...cut);
}, 60_000);

/** As it would be typed; later options of the same name replace earlier ones. */
const distill = (out: string, ...more: readonly string[]): string[] => [
  ...`distill --steps 60 --evaluate-every 20 --batch-tokens 256 --lr 0.01 --threads 1`.split(" "),
  ...`--teacher ${at("teacher")} --student ${at("student")} --tables compact`.split(" "),
  ...`--corpus ${at("corpus.txt")} --out ${at(out)}`.split(" "),
  ...more,
];

interface Record {
  readonly before: { token_cosine: number; spearman: number };
  readonly after: { token_cosine: number; spearman: number };
  readonly int8: { token_cosine: number; spearman: number };
  readonly history: readonly { loss: number; score: number; measures: { spearman: number } }[];
}

describe("a run", () => {
  test("brings the student's states nearer to the teacher's on texts it never learned from", async () => {
    const source = "invented for this test, CC0";
    const { code, out, err } = asText(
      await runVerb(...distill("small", "--source", source, "--json")),
    );
    expect([code, err]).toEqual([0, expect.stringContaining("before: token cosine")]);
    const { before, after, int8, history } = JSON.parse(out) as Record;
    expect(after.token_cosine).toBeGreaterThan(before.token_cosine + 0.2);
    expect(after.spearman).toBeGreaterThan(before.spearman + 0.03);
    expect(int8.token_cosine).toBeGreaterThan(after.token_cosine - 0.02);
    expect(history).toHaveLength(3);
    expect(history[2]!.loss).toBeLessThan(history[0]!.loss);
    expect(history[2]!.measures.spearman).toBeCloseTo(after.spearman, 12);

    const base = await readBaseFolder(at("small"));
    expect(base.manifest).toMatchObject({
      name: "small",
      dtype: "int8",
      configuration: { num_hidden_layers: 1 },
    });
    const card = await readFile(at("small", "CARD.md"), "utf8");
    expect(card).toContain(source);
    expect(card).toContain(`${after.token_cosine.toFixed(3)} / ${after.spearman.toFixed(3)}`);
    expect(card).toMatch(/licence of the weights \| apache-2.0/);
    expect(await readFile(at("small-run", "report.html"), "utf8")).toContain(source);
    expect((await readBaseFolder(at("small-run", "student"))).manifest.dtype).toBe("fp32");
    expect(existsSync(at("small-run", ".run-state.safetensors"))).toBe(false);
  });

  test("saves when interrupted, gives what it has, and goes on by the line that it prints to the same weights", async () => {
    const stopped = asText(
      await watchVerb(distill("stopped"), (line, abort) => {
        if (line.startsWith("step 20 ")) abort();
      }),
    );
    expect(stopped.code).toBe(130);
    expect(existsSync(at("stopped"))).toBe(false);
    const line = stopped.err.split("\n").at(-1)!.trim();
    const early = await runVerb(...distill("stopped"), "--finish", "--json");
    expect(early.code).toBe(0);
    expect((JSON.parse(early.out[0]!) as Record).history).toHaveLength(1);
    expect((await readBaseFolder(at("stopped"))).manifest.dtype).toBe("int8");
    expect(line).toMatch(/^npx edge-prefix distill .* --resume$/);
    const resumed = asText(await runVerb(...line.split(" ").slice(2)));
    expect([resumed.code, resumed.err]).toEqual([
      0,
      expect.stringContaining("resuming after step 21"),
    ]);
    const weights = async (name: string) => readFile(at(name, "weights-0.safetensors"));
    expect(await weights("stopped")).toEqual(await weights("small"));
  });

  test("trains the word table, too, where asked", async () => {
    const table = "embeddings.word_embeddings.weight";
    const wordsOf = async (dir: string) => {
      const { baseFloatWeights } = await import("../../../../src/encoder/base.ts");
      return baseFloatWeights(await readBaseFolder(dir)).get(table)!.data;
    };
    // A vocabulary of its own: most words are several pieces for the student, one for the teacher.
    const few = ["--student", at("spelling"), "--steps", "4", "--tables", "int8"];
    expect((await runVerb(...distill("frozen", ...few))).code).toBe(0);
    expect(await wordsOf(at("frozen-run", "student"))).toEqual(await wordsOf(at("spelling")));
    expect((await runVerb(...distill("learned", ...few, "--words", "trained"))).code).toBe(0);
    expect(await wordsOf(at("learned-run", "student"))).not.toEqual(await wordsOf(at("spelling")));
  });
});

describe("input that cannot be used", () => {
  test.each([
    ["no corpus", { corpus: null }, 2, /--corpus is missing/],
    ["a corpus that is not there", { corpus: "none.txt" }, 1, /corpus .*none.txt: cannot be read/],
    ["an empty corpus", { corpus: "empty.txt" }, 1, /found 0 texts to train on and 0 held back/],
    ["a teacher that is not there", { teacher: "nowhere" }, 1, /teacher .*nowhere: has neither/],
    [
      "a teacher of another width",
      { teacher: "wide" },
      1,
      /its hidden size is 32, the teacher's 64; a student made by shrink/,
    ],
    ["an int8 student", { student: "int8" }, 1, /student tiny: is int8, expected fp32/],
    ["a run to finish that never began", { finish: [""] }, 1, /there is no saved run; --finish/],
    ["the student's own folder", { out: "student" }, 2, /--out is the teacher or the student/],
    ["steps and minutes", { minutes: "5" }, 2, /--steps and --minutes: give one of them/],
    ["more sources than files", { source: ["a", "b"] }, 2, /--source: 2 for 1 --corpus/],
    ["an unknown form of tables", { tables: "tiny" }, 2, /allowed are int8, compact/],
  ])("%s is refused", async (_name, changes, code, message) => {
    const options: { [name: string]: string | readonly string[] | null } = {
      teacher: "teacher",
      student: "student",
      corpus: "corpus.txt",
      out: "refused",
      steps: "4",
      ...changes,
    };
    const paths = ["teacher", "student", "corpus", "out"];
    const args = Object.entries(options).flatMap(([name, value]) =>
      [value ?? []]
        .flat()
        .flatMap((one) => [
          `--${name}`,
          ...(one === "" ? [] : [paths.includes(name) ? at(one) : one]),
        ]),
    );
    const found = asText(await runVerb("distill", ...args));
    expect([found.code, found.err]).toEqual([code, expect.stringMatching(message)]);
    expect(existsSync(at("refused"))).toBe(false);
  });
});
