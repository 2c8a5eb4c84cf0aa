/** How the rows of a batch are asked: in an order that suits the engine, answered in that of the file. */
import { describe, expect, it } from "vitest";
import { createAnswers } from "../../../src/http/bulk/answers.ts";
import { readConfig } from "../../../src/http/settings/config.ts";
import type { Predictor } from "../../../src/serve/predictor.ts";
import type { Row } from "../../../src/serve/bulk/rows.ts";
import { bulkOf, putJob } from "../../support/bulk-queue.ts";

const rowsOf = (texts: readonly string[]): Row[] =>
  texts.map((text, i) => ({
    start: i,
    end: i + 1,
    line: i + 1,
    nextLine: i + 2,
    id: i,
    asked: { kind: "text", input: { text } },
  }));

/** Answers a text by itself, and keeps the order in which texts came. */
function echo() {
  const asked: string[] = [];
  const predict = async function* (_: unknown, inputs: readonly { text: string }[]) {
    for (const [index, { text }] of inputs.entries()) {
      asked.push(text);
      yield { index, result: text, isTruncated: false, tokens: 3 };
    }
  };
  return { asked, predictor: { open: async () => ({}), predict } as unknown as Predictor };
}

describe("rows of one task", () => {
  it("are asked by length, so that runs are full, and answered in their own order", async () => {
    const { asked, predictor } = echo();
    const answer = createAnswers({
      deps: { config: readConfig({ BASE: "tiny" }), predictor },
      pins: async () => "0123456789ab",
      requests: () => Promise.reject(new TypeError("there is no request")),
      hold: () => undefined,
    });
    const texts = ["a longer text", "short", "a text", "short"];
    const job = await putJob(bulkOf(answer), "{}\n");
    const answers = await answer(job, rowsOf(texts), new AbortController().signal);
    expect(asked).toEqual(["short", "short", "a text", "a longer text"]);
    expect(answers).toEqual(texts.map((text) => ({ result: text })));
  });
});
