/** `label`: a task of names answers as zero-shot does, and its folder can be trained. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scoreLabels, scoreLabelsApart } from "../../../src/core/model/zero-shot.ts";
import { linear } from "../../../src/core/model/head.ts";
import { headOfLabels } from "../../../src/learn/head/named-labels.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { asText, runVerb } from "../../support/verb.ts";

const folder = temporaryFolder("label");
const at = (...path: string[]): string => join(folder.path, ...path);
beforeAll(async () => {
  mkdirSync(at(), { recursive: true });
  await writeTinyBase(at("base"), { dtype: "int8", seed: 1 });
});
afterAll(() => folder.remove());

const unit = (...values: number[]): Float32Array => {
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
};

describe("the head of named labels", () => {
  const [text, a, b, any] = [unit(1, 2, 3), unit(1, 1, 0), unit(0, 1, 2), unit(1, 0, 1)];
  const logits = (neutral: readonly Float32Array[] | null): number[] => {
    const { weight, bias } = headOfLabels([[a], [b]], neutral);
    return [...linear(text, weight, bias)];
  };

  it("gives the scores of zero-shot: softmax over the labels", () => {
    const exps = logits(null).map(Math.exp);
    const total = exps[0]! + exps[1]!;
    for (const [i, score] of scoreLabels(text, [a, b]).entries()) {
      expect(exps[i]! / total).toBeCloseTo(score, 5);
    }
  });

  it("judges each label for itself against what is true of any text", () => {
    const scores = logits([any]).map((logit) => 1 / (1 + Math.exp(-logit)));
    for (const [i, score] of scoreLabelsApart(text, [a, b], any).entries()) {
      expect(scores[i]).toBeCloseTo(score, 5);
    }
  });

  it("takes the mean direction of several sentences, whatever their lengths", () => {
    const long = a.map((value) => 9 * value);
    const two = headOfLabels([[long, b], [b]], null).weight;
    const one = headOfLabels([[a.map((value, h) => value + b[h]!)], [b]], null).weight;
    const lengths = [two, one].map((weight) => Math.hypot(...weight.subarray(0, 3)));
    for (let h = 0; h < 3; h++) {
      expect(two[h]! / lengths[0]!).toBeCloseTo(one[h]! / lengths[1]!, 5);
    }
  });
});

describe("the verb label", () => {
  const label = async (...args: string[]) => asText(await runVerb("label", ...args));

  it("writes a task that answers, says what is known of such, and can be trained", async () => {
    const made = await label("music, film ,payment", "--base", at("base"), "--out", at("mail"));
    expect(made.out).toMatch(/3 labels by their names, base tiny/);
    expect(made.code).toBe(0);
    expect(readFileSync(at("mail", "CARD.md"), "utf8")).toContain("No row of this task");
    const spec = JSON.parse(readFileSync(at("mail", "task.json"), "utf8")) as {
      labels: string[];
      data: { train: { path: string }[] };
    };
    expect(spec.labels).toEqual(["music", "film", "payment"]);
    expect(spec.data.train).toEqual([{ path: "labels.jsonl" }]);
    const rows = readFileSync(at("mail", "labels.jsonl"), "utf8");
    expect(rows).toContain('{"text":"This text is about film.","label":"film"}');
    const { out } = asText(
      await runVerb("predict", at("mail"), "--base", at("base"), "This text is about film."),
    );
    expect(JSON.parse(out)).toMatchObject({ result: [{ label: "film" }, {}, {}] });
  });

  it("answers a bare name with that label", async () => {
    const { out } = asText(await runVerb("predict", at("mail"), "--base", at("base"), "payment"));
    expect(JSON.parse(out)).toMatchObject({ result: [{ label: "payment" }, {}, {}] });
  });

  it("takes sentences that describe labels, and refuses those of others", async () => {
    writeFileSync(at("d.json"), '{"film": ["a movie", "the plot"], "music": "a song"}');
    const args = ["--base", at("base"), "--descriptions", at("d.json"), "--out"];
    expect((await label("music, film", ...args, at("described"))).code).toBe(0);
    expect(readFileSync(at("described", "labels.jsonl"), "utf8").split("\n")).toHaveLength(6);
    const other = await label("music, card", ...args, at("other"));
    expect(other.code).not.toBe(0);
    expect(other.err).toMatch(/describes "film", which is none of the labels music, card/);
  });

  it.each([
    ["one label", "film", /found 1 label, expected 2 or more.*--multi-label/],
    ["a label twice", "film, music, film", /"film" is there twice/],
    ["a name whose quotes do not end", '"film, music', /the list of labels is not valid csv/],
    ["names of the same tokens", "film, music, FILM", /"film" and "FILM".*tiny reads them alike/],
  ])("refuses %s", async (_, labels, message) => {
    const { code, err } = await label(labels, "--base", at("base"), "--out", at("refused"));
    expect(code).not.toBe(0);
    expect(err).toMatch(message);
  });

  it("keeps the commas of a name in quotes", async () => {
    const args = ['"film, music", payment', "--base", at("base"), "--out", at("commas")];
    expect((await label(...args)).out).toMatch(/2 labels by their names/);
    expect(readFileSync(at("commas", "labels.jsonl"), "utf8")).toContain('"label":"film, music"');
  });

  it.each([
    ["that is not there", "nosuch.json", /\[descriptions-unreadable\].*there is no such file/],
    ["that is a folder", "base", /\[descriptions-unreadable\].*is a folder/],
    ["without a sentence of a label", "none.json", /\[descriptions-invalid\].*an array of 0/],
  ])("refuses a file of descriptions %s", async (_, file, message) => {
    writeFileSync(at("none.json"), '{"film": []}');
    const args = ["music, film", "--base", at("base"), "--descriptions", at(file)];
    expect((await label(...args, "--out", at("refused"))).err).toMatch(message);
  });

  it("does not replace rows of the user's own, and names a file in its way", async () => {
    const rows = at("rows", "labels.jsonl");
    mkdirSync(at("rows"));
    writeFileSync(rows, "rows of my own");
    const args = ["music, film", "--base", at("base"), "--out"];
    expect((await label(...args, at("rows"))).err).toMatch(/\[folder-occupied\].*labels.jsonl/);
    expect(readFileSync(rows, "utf8")).toBe("rows of my own");
    expect((await label(...args, rows)).err).toMatch(/\[folder-unwritable\].*labels.jsonl/);
  });

  it("does not replace a task unless told", async () => {
    const args = ["music, film", "--base", at("base"), "--out", at("twice")];
    expect((await label(...args)).code).toBe(0);
    expect((await label(...args)).err).toMatch(/has a task.json/);
    expect((await label(...args, "--overwrite")).code).toBe(0);
  });
});
