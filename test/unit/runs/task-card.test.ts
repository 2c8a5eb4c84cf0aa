/** CARD.md: metadata that the Hub can read, and text that says what was measured and what was not. */
import fc from "../../support/properties.ts";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { yamlBlock } from "../../../src/report/card-metadata.ts";
import { taskCard } from "../../../src/report/task-card.ts";
import type { ReportFacts } from "../../../src/report/facts.ts";
import { MOOD, PLACES } from "../../support/report-facts.ts";

/** Front matter of a Markdown file. YAML 1.1, which the Hub reads: there a bare `no` is not a string. */
function readFrontMatter(markdown: string): Record<string, unknown> {
  const [, text = ""] = /^---\n([\s\S]*?)\n---\n/.exec(markdown) ?? [];
  const options = { version: "1.1", strict: true, uniqueKeys: true } as const;
  return parse(text, options) as Record<string, unknown>;
}

const withData = (change: Partial<NonNullable<ReportFacts["data"]>>): ReportFacts => ({
  ...MOOD,
  data: { ...MOOD.data!, ...change },
});

test("says that a text which fits no label gets one, unless the task knows such texts", () => {
  const limit = "labels even where none fits";
  expect(taskCard(MOOD)).toContain(limit);
  const other = { label: "neither", similarity: 0.5, spread: 0.1 };
  expect(taskCard({ ...MOOD, other })).not.toContain(limit);
});

describe("the metadata of a card", () => {
  // Field names and nesting: https://huggingface.co/docs/hub/model-cards, "Model card metadata".
  test("finds a task by licence, language, base, kind and results", () => {
    expect(readFrontMatter(taskCard(MOOD))).toEqual({
      license: "cc-by-4.0",
      language: "en",
      library_name: "edge-prefix",
      pipeline_tag: "text-classification",
      base_model: "pocket",
      base_model_relation: "adapter",
      tags: ["prefix-tuning", "p-tuning-v2"],
      metrics: ["accuracy", "f1", "matthews_correlation"],
      "model-index": [
        {
          name: "mood",
          results: [
            {
              task: { type: "text-classification", name: "Text Classification" },
              dataset: {
                name: "written for this test",
                type: "held-out.csv",
                split: "held-out.csv",
              },
              metrics: [
                { type: "accuracy", value: 0.74, name: "accuracy" },
                { type: "f1", value: 0.71, name: "macro F1" },
                { type: "matthews_correlation", value: 0.6, name: "Matthews correlation" },
              ],
            },
          ],
        },
      ],
    });
  });

  test("says token classification of a token task", () => {
    expect(readFrontMatter(taskCard(PLACES))).toMatchObject({
      pipeline_tag: "token-classification",
      "model-index": [{ results: [{ task: { type: "token-classification" } }] }],
    });
  });

  test.each([
    ["CC BY 4.0", { license: "cc-by-4.0" }],
    ["MIT", { license: "mit" }],
    ["research use: ask first", { license: "other", license_name: "research-use-ask-first" }],
    [null, { license: "unknown" }],
  ])("puts the licence %j as the Hub spells it", (licence, expected) => {
    expect(readFrontMatter(taskCard(withData({ licence })))).toMatchObject(expected);
  });

  test("names a data set of the Hub only where the source has the form of its id", () => {
    const read = (source: string) => readFrontMatter(taskCard(withData({ source })));
    expect(read("PolyAI/banking77")).toMatchObject({ datasets: ["PolyAI/banking77"] });
    expect(read("tickets of the last year")).not.toHaveProperty("datasets");
  });

  test("has no results where nothing was measured", () => {
    const card = taskCard({ ...MOOD, evaluation: undefined, training: undefined });
    expect(readFrontMatter(card)).not.toHaveProperty("model-index");
    expect(card).toContain("Not measured");
    expect(card).not.toContain("## Results");
  });

  test("survives any text of the author's", () => {
    const strings = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(strings, strings, strings, (source, licence, name) => {
        const facts = withData({ source, licence, language: name });
        const metadata = readFrontMatter(taskCard({ ...facts, task: "mood" }));
        expect(metadata).toMatchObject({ library_name: "edge-prefix", language: name });
        expect(metadata["model-index"]).toMatchObject([
          { results: [{ dataset: { name: source } }] },
        ]);
      }),
    );
  });

  test.each(["yes", "No", "null", "on", "1.5", "1e3", "- a", "a: b", "#", "", " x", "é"])(
    "keeps the string %j a string",
    (value) => {
      const text = yamlBlock({ key: value, list: [value], map: { [value]: value } }).join("\n");
      expect(readFrontMatter(`---\n${text}\n---\n`)).toEqual({
        key: value,
        list: [value],
        map: { [value]: value },
      });
    },
  );
});

describe("the text of a card", () => {
  test("gives each metric with its interval, and owns up to the choice of the epoch", () => {
    const card = taskCard(MOOD);
    expect(card).toContain("| accuracy | 0.740 | 0.650 to 0.820 |");
    expect(card).toContain("The best epoch was chosen by the same rows");
    expect(card).toContain("0.080 before, 0.020 after");
  });

  test("says of several runs that their mean was kept, with its own score", () => {
    const training = { ...MOOD.training!, averaged: { runs: 3, score: 0.75 } };
    const card = taskCard({ ...MOOD, training });
    expect(card).toContain("Kept is the mean of 3 runs from the same start");
    expect(card).toContain("its score is 0.750");
    expect(card).not.toContain("The parameters after epoch");
  });

  test("names the labels that it is bad at among its limits", () => {
    expect(taskCard(MOOD)).toContain("Weakest: fair (F1 0.444, 20 true).");
  });

  test("says that a licence is missing", () => {
    expect(taskCard(withData({ licence: null }))).toContain(
      "licence of the training data is not stated",
    );
  });

  test("holds none of the data's texts", () => {
    for (const facts of [MOOD, PLACES]) {
      for (const { text } of facts.evaluation!.hardest!)
        expect(taskCard(facts)).not.toContain(text);
    }
  });

  test("has a line for the shell that a quote in the text does not end", () => {
    expect(taskCard(MOOD)).toContain(
      String.raw`-d '{"inputs":"It'\''s a film that I'\''d watch again"}'`,
    );
  });

  test("keeps a label with a bar within its cell and its list", () => {
    const card = taskCard({ ...MOOD, labels: ["a|b", "<script>", "c`d"] });
    expect(card).toContain("Labels (3): a\\|b, \\<script\\>, c\\`d");
  });

  test("leaves the examples of use to the text for a task that reads pairs", () => {
    const card = taskCard({ ...MOOD, sample: { text: "a", pair: "b" } });
    expect(card).toContain('{"inputs":{"text":"a","text_pair":"b"}}');
    expect(card).not.toContain("InferenceClient");
  });
});
