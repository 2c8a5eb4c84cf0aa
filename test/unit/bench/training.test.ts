/**
 * The training benchmarks: what their numbers mean, and that both sides run. The PyTorch side runs
 * where EDGE_PREFIX_PYTHON names an interpreter with torch, peft and transformers.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { median, quantile, ratioSpread } from "../../../bench/stats.ts";
import { inTurn } from "../../../bench/training/contender.ts";
import type { Contender } from "../../../bench/training/contender.ts";
import { interval } from "../../../bench/training/interval.ts";
import { PEER_NAMES, startPeer } from "../../../bench/training/peer.ts";
import { randomBatches, similarBatches } from "../../../bench/training/rows.ts";
import { shared } from "../../support/shared.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { asText, runVerb } from "../../support/verb.ts";

const PYTHON = process.env["EDGE_PREFIX_PYTHON"];
const CHECKPOINT = shared("models", "all-MiniLM-L6-v2");

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "bench-"));
  await writeTinyBase(join(dir, "base"), { dtype: "int8", seed: 1 });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const run = async (...argv: string[]) => asText(await runVerb(...argv));

describe("a spread", () => {
  test("interpolates between neighbours, as numpy's default does", () => {
    expect(quantile([4, 1, 3, 2], 0.25)).toBe(1.75); // numpy.quantile([1, 2, 3, 4], .25)
    expect(median([5, 1, 2])).toBe(2);
    expect(quantile([7], 0.9)).toBe(7);
  });

  test("is of the ratios within rounds, not of the totals", () => {
    // The machine was three times slower in the last round: the ratio is 2 in each.
    expect(ratioSpread([2, 4, 60], [1, 2, 30])).toEqual({ median: 2, low: 2, high: 2 });
  });

  test("of two totals has bounds that close in on equal blocks and open on unequal ones", () => {
    expect(interval([2, 4, 6], [1, 2, 3])).toEqual({ value: 2, low: 2, high: 2 });
    const { value, low, high } = interval([1, 3, 1, 3], [1, 1, 1, 1]);
    expect(value).toBe(2);
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
  });
});

describe("contenders", () => {
  const contender = (name: string): Contender => ({
    name,
    random: () => Promise.resolve({ ms: 0, cpuMs: 0 }),
    batches: () => Promise.resolve({ ms: 0, cpuMs: 0 }),
    close: () => Promise.resolve(),
  });
  const both = [contender("a"), contender("b")];

  test("take turns, every other round backwards, and keep their own results", async () => {
    const order: string[] = [];
    const results = await inTurn(
      both,
      3,
      async ({ name }, round) => {
        order.push(name);
        return `${name}${round}`;
      },
      new AbortController().signal,
    );
    expect(order.join("")).toBe("abbaab");
    expect(results).toEqual([
      ["a0", "a1", "a2"],
      ["b0", "b1", "b2"],
    ]);
  });

  test("stop between two turns when interrupted", async () => {
    const measured = inTurn(both, 1, async () => 0, AbortSignal.abort());
    await expect(measured).rejects.toMatchObject({ code: "interrupted" });
  });

  test("read each row once an epoch, however they batch", () => {
    const features = Array.from({ length: 70 }, (_, i) => ({
      ids: new Int32Array(1 + (i % 9)),
      typeIds: new Int32Array(1 + (i % 9)),
      labels: Int32Array.of(0),
      firstPieces: new Int32Array(0),
    }));
    const rows = { name: "rows", features, numLabels: 2 };
    const all = features.map((_, i) => i);
    for (const batches of [randomBatches(rows, 32), similarBatches(rows, 32)]) {
      expect(batches.flat().toSorted((a, b) => a - b)).toEqual(all);
      expect(batches).toHaveLength(3);
    }
  });
});

describe("bench training", () => {
  test("reports tokens per second of every task and shape", async () => {
    const tasks = "pooler,cls,mean,token";
    const base = join(dir, "base");
    const argv = ["bench", "training", "--base", base, "--tasks", tasks, "--rounds", "1"];
    const { code, out } = await run(...argv, "--steps", "1", "--json");
    const { results } = JSON.parse(out) as {
      results: { task: string; shape: string; tokens_per_second: { ours: number } }[];
    };
    expect(code).toBe(0);
    expect(results.map(({ task, shape }) => `${task} ${shape}`)).toEqual(
      ["pooler", "cls", "mean", "token"].flatMap((task) => [`${task} 32x32`, `${task} 16x128`]),
    );
    for (const { tokens_per_second: speed } of results) expect(speed.ours).toBeGreaterThan(0);
  });

  test("names what a wrong list may hold", async () => {
    const { code, err } = await run("bench", "training", "--base", dir, "--tasks", "mean,max");
    expect(code).toBe(2);
    expect(err).toContain('--tasks has "max", allowed are pooler, cls, mean, token');
  });

  test("says what to install when Python cannot be started", async () => {
    const missing = startPeer(join(dir, "no-python"), { checkpoint: dir, threads: 1 });
    await expect(missing).rejects.toMatchObject({ code: "python-failed" });
    await expect(missing).rejects.toThrow("pip install torch peft transformers");
  });

  test("refuses to compare with PyTorch over a base that PyTorch cannot read", async () => {
    const base = join(dir, "base");
    const { code, err } = await run("bench", "training", "--base", base, "--python", "python3");
    expect(code).toBe(2);
    expect(err).toContain("--python needs --checkpoint");
  });
});

describe("bench training-memory", () => {
  test("reports the peak and both ends of the run", async () => {
    const argv = ["--base", join(dir, "base"), "--batch", "2", "--tokens", "16", "--steps", "20"];
    const { code, out } = await run("bench", "training-memory", ...argv, "--json");
    const result = JSON.parse(out) as Record<"peak_bytes" | "start_bytes" | "end_bytes", number>;
    expect(code).toBe(0);
    expect(result.peak_bytes).toBeGreaterThanOrEqual(result.end_bytes);
    expect(result.start_bytes).toBeGreaterThan(0);
  });
});

describe.skipIf(PYTHON === undefined || CHECKPOINT === undefined)("PyTorch's side", () => {
  test("makes steps of every kind, on random tokens and on padded rows", async () => {
    const peer = await startPeer(PYTHON!, { checkpoint: CHECKPOINT!, threads: 1 });
    const feature = (length: number, labels: number[]) => ({
      ids: new Int32Array(length).fill(101),
      typeIds: new Int32Array(length),
      labels: Int32Array.from(labels),
      firstPieces: new Int32Array(0),
    });
    for (const pooling of ["pooler", "mean", "none"] as const) {
      const label = (length: number) =>
        Array.from({ length: pooling === "none" ? length : 1 }, () => 1);
      await peer.rows([feature(4, label(4)), feature(7, label(7))], { pooling });
      for (const name of PEER_NAMES) {
        const problem = { pooling, numLabels: 3, numVirtualTokens: 2, threads: 1 };
        const contender = await peer.open(name, problem);
        for (const time of [contender.random(2, 8, 2), contender.batches([[0, 1], [1]])]) {
          expect((await time).ms).toBeGreaterThan(0);
          expect((await time).cpuMs).toBeGreaterThan(0);
        }
        await contender.close();
      }
    }
    expect(Object.keys(peer.versions)).toEqual(["torch", "transformers", "peft"]);
    await peer.stop();
  }, 120_000);
});
