/** Many questions, a few a request: every one is answered once, also by a Worker that is busy now and then. */
import { describe, expect, it } from "vitest";
import { askAll, rangesOf } from "../../../../src/browser/page/bulk.ts";
import type { Question } from "../../../../src/browser/page/bulk.ts";
import { ServerError } from "../../../../src/browser/page/client.ts";

const question = (inputs: string): Question => ({ task: "mood", type: "sequence", inputs });
const questions = (count: number): Question[] =>
  Array.from({ length: count }, (_, i) => question(`text ${i}`));

type Items = { readonly items: readonly { readonly inputs: string }[] };

/** A Worker's stream that answers each text with itself; `fail` is called before every line. */
const streamOf = (fail: (text: string) => void) =>
  async function* stream(body: unknown): AsyncGenerator<unknown> {
    const { items } = body as Items;
    for (const [index, { inputs }] of items.entries()) {
      fail(inputs);
      yield {
        index,
        task: "mood",
        version: "0".repeat(12),
        result: [[{ label: inputs, score: 1 }]],
      };
    }
    yield { done: true, count: items.length };
  };

async function answersOf(
  count: number,
  fail: (text: string) => void = () => undefined,
  signal = new AbortController().signal,
) {
  const waited: number[] = [];
  const wait = async (seconds: number): Promise<void> => void waited.push(seconds);
  const answers: unknown[] = [];
  for await (const { index, outcome } of askAll(
    { stream: streamOf(fail) },
    questions(count),
    signal,
    wait,
  )) {
    answers.push([index, outcome]);
  }
  return { answers, waited };
}
const expected = (count: number) =>
  questions(count).map(({ inputs }, i) => [i, { result: [{ label: inputs, score: 1 }] }]);

describe("the requests", () => {
  it("hold 64 questions, or fewer of long texts", () => {
    const sizes = (texts: readonly string[]) =>
      rangesOf(texts.map(question)).map(({ from, to }) => to - from);
    expect(sizes(Array.from({ length: 130 }, () => "a"))).toEqual([64, 64, 2]);
    expect(sizes(Array.from({ length: 5 }, () => "a".repeat(20_000)))).toEqual([2, 2, 1]);
    expect(sizes(["a".repeat(90_000), "b"])).toEqual([1, 1]);
    expect(sizes([])).toEqual([]);
  });
});

describe("all questions", () => {
  it("are answered in their order", async () => {
    expect((await answersOf(150)).answers).toEqual(expected(150));
  });

  it("go on after the last answer when the Worker is busy, as late as it says", async () => {
    let isBusy = true;
    const { answers, waited } = await answersOf(70, (text) => {
      if (text !== "text 65" || !isBusy) return;
      isBusy = false;
      throw new ServerError({ code: "overloaded", detail: "queue: is full" }, 503, 3);
    });
    expect(answers).toEqual(expected(70));
    expect(waited).toEqual([3]);
  });

  it("end with the error of a Worker that stays busy", async () => {
    const failing = answersOf(3, () => {
      throw new ServerError({ code: "rate-limited", detail: "too many" }, 429);
    });
    await expect(failing).rejects.toMatchObject({ code: "rate-limited" });
  });

  it("end at once with an error that stays", async () => {
    const failing = answersOf(3, () => {
      throw new ServerError({ code: "key-missing", detail: "no key" }, 401);
    });
    await expect(failing).rejects.toMatchObject({ status: 401 });
  });
});
