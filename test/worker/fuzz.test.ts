/**
 * Seeded texts and parameters of every kind through the real tokenizer, graph and decoder: an
 * answer or a named refusal, never a 500. (test/unit/fuzz.test.ts has what fails before that.)
 */
import fc from "../support/properties.ts";
import { beforeAll, describe, expect, it } from "vitest";
import { linesOf, testApp } from "./app-support.ts";
import { makeTask, putTask, seedBases } from "./support.ts";

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
  await putTask(await makeTask({ task: "names", manifest: { type: "token" } }));
});

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc
    .array(
      fc.constantFrom(
        "film",
        "Paris",
        "##s",
        "[CLS]",
        "\u0000",
        "\u0301",
        "\u{1F600}",
        "\u3042",
        "-",
      ),
      {
        maxLength: 120,
      },
    )
    .map((words) => words.join(" ")),
);
const parameters = fc.record(
  {
    top_k: fc.constantFrom(1, 2, 100),
    function_to_apply: fc.constantFrom("softmax", "sigmoid", "none"),
    aggregation_strategy: fc.constantFrom("none", "simple", "first", "average", "max"),
    ignore_labels: fc.constantFrom([], ["O"], ["PER", "nothing"]),
    stride: fc.nat({ max: 70 }),
    max_length: fc.integer({ min: 1, max: 80 }),
    truncation: fc.boolean(),
    offset_unit: fc.constantFrom("codepoint", "utf16"),
  },
  { requiredKeys: [] },
);

/** Everything that these requests may be refused for. */
const REFUSALS = [
  "text-empty",
  "text-not-unicode",
  "max-length-invalid",
  "stride-invalid",
  "pair-too-long",
  "pair-not-supported",
];

/** Requests of each task. */
const RUNS = 600;

describe("seeded fuzz of texts and parameters", () => {
  it.each(["mood", "names"])("finds no 500 and no score that is no number: %s", async (task) => {
    const app = await testApp();
    const input = fc.oneof(text, fc.record({ text, text_pair: text }));
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(input, { minLength: 1, maxLength: 3 }),
        parameters,
        async (inputs, parameters) => {
          const accept = "application/x-ndjson";
          const response = await app.predict(task, { inputs, parameters }, { accept });
          expect(response.status).toBe(200);
          const lines = await linesOf(response);
          expect(lines).toHaveLength(inputs.length + 1);
          expect(lines.at(-1)).toMatchObject({ done: true, count: inputs.length });
          for (const [index, line] of lines.slice(0, -1).entries()) {
            expect(line["index"]).toBe(index);
            if (line["error"]) expect(REFUSALS).toContain((line["error"] as { code: string }).code);
            else {
              answered++;
              for (const { score } of line["result"] as { score: number }[])
                expect(score).toSatisfy(Number.isFinite);
            }
          }
        },
      ),
      { seed: 20261123, numRuns: RUNS },
    );
    expect(answered).toBeGreaterThan(RUNS / 2);
  });
});
