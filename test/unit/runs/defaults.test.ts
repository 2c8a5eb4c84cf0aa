/** Settings that a request leaves open: chosen from the data, with a reason, and never over what was asked. */
import { describe, expect, test } from "vitest";
import { chooseSettings } from "../../../src/learn/task/defaults.ts";
import type { DataShape } from "../../../src/learn/task/defaults.ts";
import { splitName, splitRows, withoutTextsOf } from "../../../src/learn/data/split.ts";
import { EMPTY_SPEC } from "../../../src/learn/task/spec.ts";
import { keyOf } from "../../../src/learn/random.ts";

const shape = (changes: Partial<DataShape> = {}): DataShape => ({
  type: "sequence",
  rows: 1_000,
  evaluationRows: 333,
  lengths: [10, 20, 30],
  baseMaxLength: 512,
  ...changes,
});
const PREFIX = { method: "prefix", objective: "head" } as const;
const settings = (changes: Partial<DataShape> = {}) =>
  chooseSettings(PREFIX, shape(changes), EMPTY_SPEC);

describe("defaults", () => {
  test("train small data longer and large data at least four times", () => {
    const epochs = [100, 1_000, 10_000, 67_349, 100_000].map(
      (rows) => settings({ rows }).hyperparameters.epochs,
    );
    expect(epochs).toEqual([30, 16, 5, 4, 4]);
  });

  test("make small batches of small data", () => {
    const sizes = [100, 1_000, 10_000].map((rows) => settings({ rows }).hyperparameters.batch_size);
    expect(sizes).toEqual([8, 16, 32]);
  });

  test("take longer prefixes for labelling", () => {
    expect(settings().numVirtualTokens).toBe(16);
    expect(settings({ type: "token" }).numVirtualTokens).toBe(32);
    expect(
      chooseSettings({ ...PREFIX, method: "linear" }, shape(), EMPTY_SPEC).numVirtualTokens,
    ).toBe(0);
  });

  test("read windows as long as most texts need, within what the base reads", () => {
    const lengthOf = (most: number, baseMaxLength = 512) =>
      settings({ lengths: Array<number>(100).fill(most), baseMaxLength }).maxLength;
    expect([lengthOf(12), lengthOf(130), lengthOf(192), lengthOf(800)]).toEqual([
      128, 192, 192, 256,
    ]);
    expect(lengthOf(130, 100)).toBe(100);
    // One long text in a hundred does not make all windows long.
    const one = settings({ lengths: [...Array<number>(99).fill(12), 500] });
    expect(one).toMatchObject({
      maxLength: 128,
      reasons: { max_length: "99 % of the texts fit" },
    });
  });

  test("stop early only where there are epochs to save and rows enough to tell", () => {
    expect(settings().hyperparameters.patience).toBe(6);
    const asked = { ...EMPTY_SPEC, hyperparameters: { epochs: 16 } };
    const few = chooseSettings(PREFIX, shape({ evaluationRows: 199 }), asked);
    expect(few.hyperparameters.patience).toBe(0);
    expect(settings({ rows: 10_000 }).hyperparameters.patience).toBe(0);
  });

  test("make a third of the passes from a start", () => {
    const few = shape({ evaluationRows: 100 });
    const { hyperparameters } = chooseSettings(PREFIX, few, { ...EMPTY_SPEC, init: "pairs" });
    // 3 instead of 9 passes over 63 batches of 16 rows.
    expect(hyperparameters).toMatchObject({ epochs: 1, steps: 189 });
  });

  test("choose no epoch by fewer than 200 rows, unless epochs or patience are asked for", () => {
    const few = shape({ evaluationRows: 199 });
    const { hyperparameters, reasons } = chooseSettings(PREFIX, few, EMPTY_SPEC);
    // 9 passes over 63 batches of 16 rows.
    expect(hyperparameters).toMatchObject({ epochs: 1, steps: 567, patience: 0 });
    expect(reasons["steps"]).toBe("few evaluation rows: no epoch is chosen by them");
    expect(settings({ evaluationRows: 200 }).hyperparameters).not.toHaveProperty("steps");
    const asking = (hyperparameters: object) =>
      chooseSettings(PREFIX, few, { ...EMPTY_SPEC, hyperparameters }).hyperparameters;
    expect(asking({ epochs: 3 })).toMatchObject({ epochs: 3, patience: 0 });
    expect(asking({ patience: 2 })).toMatchObject({ epochs: 16, patience: 2 });
    expect(asking({ steps: 30 })).toMatchObject({ epochs: 1, steps: 30 });
  });

  test("make one epoch of as many steps where no rows say which epoch is best", () => {
    const few = shape({ rows: 130, evaluationRows: 0 });
    const asked = { ...EMPTY_SPEC, hyperparameters: { epochs: 5, batch_size: 64 } };
    for (const objective of ["head", "contrastive"] as const) {
      const { hyperparameters } = chooseSettings({ method: "bias", objective }, few, asked);
      // Three batches hold 130 rows.
      expect(hyperparameters).toMatchObject({ epochs: 1, steps: 15, patience: 0 });
    }
  });

  test("give way to what is asked for, and explain only the rest", () => {
    const spec = {
      ...EMPTY_SPEC,
      num_virtual_tokens: 3,
      max_length: 64,
      hyperparameters: { epochs: 2, learning_rate: 1 },
    };
    const { hyperparameters, reasons, ...rest } = chooseSettings(PREFIX, shape(), spec);
    expect(rest).toEqual({ numVirtualTokens: 3, maxLength: 64 });
    expect(hyperparameters).toMatchObject({ epochs: 2, learning_rate: 1, batch_size: 16 });
    expect(Object.keys(reasons).sort()).toEqual(["batch_size", "patience"]);
  });
});

describe("a split", () => {
  const text = (i: number) => ({ text: `t${i % 50}`, labels: ["x"], words: [] });

  test("keeps equal texts on one side and leaves neither side empty", () => {
    const { train, evaluation } = splitRows(
      Array.from({ length: 200 }, (_, i) => text(i)),
      keyOf(1),
    );
    expect(train.length + evaluation.length).toBe(200);
    expect(evaluation).toHaveLength(20);
    expect(withoutTextsOf(train, evaluation)).toEqual(train);
    const two = splitRows([text(1), text(2)], keyOf(1));
    expect([two.train.length, two.evaluation.length]).toEqual([1, 1]);
  });

  test("is called by its share, which is less than a tenth of many rows", () => {
    expect(splitName(10, 100, "a.csv")).toBe("10 % of a.csv");
    expect(splitName(2_000, 100_000, "a.csv")).toBe("2 % of a.csv");
    expect(splitName(2_000, 500_000, "a.csv")).toBe("0.4 % of a.csv");
  });

  test("drops training rows whose text, and pair, is an evaluation text", () => {
    const pair = { ...text(1), pair: "p" };
    expect(withoutTextsOf([text(1), pair, text(2)], [text(1)])).toEqual([pair, text(2)]);
  });
});
