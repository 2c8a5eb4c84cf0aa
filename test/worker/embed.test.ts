/** POST /v1/embed in workerd: the base's own vectors, of short texts, of long ones and of many. */
import * as v from "valibot";
import { beforeAll, describe, expect, it } from "vitest";
import { maxLengthOf } from "../../src/core/format/configuration.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import { embedAnswerSchema } from "../../src/http/schemas/schema.ts";
import { expectClose, linesOf, postJson, testApp } from "./app-support.ts";
import { loadedBase, seedBases } from "./support.ts";

const TEXTS = ["a great film", "Angela Merkel visited Paris and the story was long", "x"];
/** More tokens than the base's 128. */
const LONG = "the plot is dull and the acting is bad but funny too ".repeat(20);

beforeAll(seedBases);

const vectorsOf = async (body: unknown, app = testApp()): Promise<number[][]> => {
  const response = await postJson(await app, "/v1/embed", body);
  expect(response.status).toBe(200);
  return v.parse(embedAnswerSchema, await response.json());
};
const lengthOf = (vector: readonly number[]): number => Math.hypot(...vector);

/** Hidden states [T][H] of a text as the encoder gives them: its tokens alone, no prefix. */
async function statesOf(text: string): Promise<number[][]> {
  const { manifest, tokenizer, encoder } = await loadedBase();
  const { ids, typeIds } = tokenizer.encode(text);
  const row = { ids, typeIds, prefix: emptyPrefix(manifest.configuration), positionOffset: 0 };
  const values = Array.from((await encoder.encode([row], "all")).values);
  const width = manifest.configuration.hidden_size;
  return Array.from(ids, (_, t) => values.slice(t * width, (t + 1) * width));
}
const mean = (rows: readonly number[][]): number[] =>
  rows[0]!.map((_, h) => rows.reduce((sum, row) => sum + row[h]!, 0) / rows.length);

describe("an embedding", () => {
  it("is the mean over the text's tokens, scaled to length 1", async () => {
    const states = mean(await statesOf(TEXTS[1]!));
    const [vector] = await vectorsOf({ inputs: TEXTS[1] });
    expect(lengthOf(vector!)).toBeCloseTo(1, 6);
    expectClose(
      vector,
      states.map((value) => value / lengthOf(states)),
      1e-5,
    );
    const [raw] = await vectorsOf({ inputs: TEXTS[1], normalize: false });
    expectClose(raw, states, 1e-5);
  });

  it("can be the first token's vector", async () => {
    const [first] = await statesOf(TEXTS[0]!);
    const [vector] = await vectorsOf({ inputs: TEXTS[0], pooling: "cls", normalize: false });
    expectClose(vector, first, 1e-5);
  });

  it("needs a pooler to be pooled by one", async () => {
    const base = await loadedBase();
    const response = await postJson(await testApp(), "/v1/embed", {
      inputs: "a",
      pooling: "pooler",
    });
    if (base.pooler) expect(response.status).toBe(200);
    else expect(await response.json()).toMatchObject({ status: 400, code: "pooling-invalid" });
  });

  it("of a text in a list is that of the text alone", async () => {
    const together = await vectorsOf({ inputs: TEXTS });
    for (const [i, inputs] of TEXTS.entries()) {
      expectClose([together[i]], await vectorsOf({ inputs }), 1e-5);
    }
  });

  it("of a long text is made of all its windows, or of the first when it is cut, and says so", async () => {
    const app = await testApp({ MAX_BATCH_TOKENS: 128 });
    const whole = await postJson(app, "/v1/embed", { inputs: LONG });
    const [windowed] = v.parse(embedAnswerSchema, await whole.json());
    expect(app.runs).toBeGreaterThan(1);
    expect(whole.headers.has("x-truncated")).toBe(false);
    expect(lengthOf(windowed!)).toBeCloseTo(1, 6);

    const before = app.runs;
    const cut = await postJson(app, "/v1/embed", { inputs: [LONG, "x"], truncate: true });
    const [first] = v.parse(embedAnswerSchema, await cut.json());
    expect(app.runs).toBeLessThanOrEqual(before + 2);
    expect(cut.headers.get("x-truncated")).toBe("1");
    expect(first).not.toEqual(windowed);
    // The cut text's vector is that of its first window: [CLS], 126 pieces, [SEP].
    const { tokenizer, manifest } = await loadedBase();
    const { ends } = tokenizer.tokenize(LONG);
    const kept = LONG.slice(0, ends[maxLengthOf(manifest.configuration) - 3]);
    expectClose([first], await vectorsOf({ inputs: kept }), 1e-5);
  });

  it("of many texts can be streamed", async () => {
    const app = await testApp();
    const response = await postJson(app, "/v1/embed", { inputs: TEXTS }, "application/x-ndjson");
    const lines = await linesOf(response);
    expect(lines).toMatchObject([
      { index: 0, result: expect.any(Array) },
      { index: 1 },
      { index: 2 },
      { done: true, count: 3 },
    ]);
    expectClose(
      lines.slice(0, 3).map(({ result }) => result),
      await vectorsOf({ inputs: TEXTS }),
      1e-6,
    );
  });
});
