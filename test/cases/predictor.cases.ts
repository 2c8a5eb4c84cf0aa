/**
 * What the request path must do wherever it runs: the same cases over onnxruntime-web in Node and in
 * workerd, with a real graph. Answers are held against each other, not against recorded numbers.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { Classification } from "../../src/core/model/decode.ts";
import type { Sha256, TaskManifest } from "../../src/core/format/manifest.ts";
import type { Entity } from "../../src/core/model/spans.ts";
import {
  CLASSIFIER_WEIGHT,
  PROMPT_EMBEDDINGS,
  START_TRANSITIONS,
  TRANSITIONS,
} from "../../src/core/model/shapes.ts";
import { openTask } from "../../src/core/format/task.ts";
import type { Task } from "../../src/core/format/task.ts";
import { float32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { LoadedBase } from "../../src/engine/engine.ts";
import type { PredictParameters, Prediction, TextInput } from "../../src/serve/predictor.ts";
import { createScheduler } from "../../src/serve/queue/scheduler.ts";
import { addDeltas, addLowRank, makeTinyTask } from "../support/tiny-task.ts";
import type { TinyTaskOptions } from "../support/tiny-task.ts";
import { barePredictor } from "../support/bare-predictor.ts";

export interface PredictorUnderTest {
  /** A tiny base (max_length 128). */
  base(): Promise<LoadedBase>;
  readonly clock: Clock;
  readonly sha256: Sha256;
  /** How far scores may lie apart between a row alone and in a batch. */
  readonly tolerance: number;
}

const TEXTS = [
  "a great film",
  "Angela Merkel visited Paris and Berlin, and the story was long and very dull",
  "x",
  "the acting was fine but the plot was awful, always too long",
];
/** Gives a tag task's file transitions between C labels, of numbers that differ. */
function addTransitions(tensors: Map<string, Tensor>, C: number): void {
  const ramp = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));
  tensors.set(TRANSITIONS, float32([C, C], ramp(C * C)));
  tensors.set(START_TRANSITIONS, float32([C], ramp(C)));
}

const LONG = Array.from({ length: 60 }, (_, i) => TEXTS[i % TEXTS.length]).join(" ");

export function predictorCases(name: string, host: PredictorUnderTest): void {
  describe(`the request path: ${name}`, () => {
    let base: LoadedBase;
    beforeAll(async () => {
      base = await host.base();
    });

    const open = async (task: string, options: Partial<TinyTaskOptions> = {}): Promise<Task> => {
      const made = await makeTinyTask(base.manifest, { task, ...options }, host.sha256);
      const { manifest, version, prefixBytes } = made;
      return openTask(manifest, version, prefixBytes, base.manifest, host.sha256);
    };
    const kind = (manifest: Partial<TaskManifest>) => ({ manifest });

    /** A predictor of its own, so that runs can be counted. */
    function arrange({
      maxBatchTokens = 512,
      maxWindows = 512,
      onTurn = (): void => undefined,
      served = base,
    } = {}) {
      const { clock } = host;
      const scheduler = createScheduler({ clock, maxBatchTokens, maxQueuedTokens: 1_000_000 });
      const wait = (ms: number): Promise<void> => {
        onTurn();
        return clock.wait(ms);
      };
      const predictor = barePredictor({ scheduler, clock: { ...clock, wait }, maxWindows });
      const stream = (
        task: Task,
        inputs: readonly TextInput[],
        parameters: PredictParameters = {},
        signal = new AbortController().signal,
      ) =>
        predictor.predict({ base: served, task, isStale: false }, inputs, parameters, { signal });
      const predict = async (
        task: Task,
        texts: readonly (string | TextInput)[],
        parameters: PredictParameters = {},
      ): Promise<Prediction[]> => {
        const inputs = texts.map((item) => (typeof item === "string" ? { text: item } : item));
        const found: Prediction[] = [];
        for await (const item of stream(task, inputs, parameters)) found.push(item);
        return found;
      };
      return { scheduler, stream, predict };
    }

    const answerOf = (prediction: Prediction | undefined): Classification[] | Entity[] => {
      if (prediction && "result" in prediction) return prediction.result;
      throw new Error(`no answer: ${JSON.stringify(prediction)}`);
    };
    const scoresOf = (prediction: Prediction | undefined): Record<string, number> =>
      Object.fromEntries(
        (answerOf(prediction) as Classification[]).map(({ label, score }) => [label, score]),
      );
    const expectClose = (found: Prediction | undefined, expected: Prediction | undefined): void => {
      const [a, b] = [scoresOf(found), scoresOf(expected)];
      expect(Object.keys(a).sort()).toEqual(Object.keys(b).sort());
      for (const [label, score] of Object.entries(a)) {
        expect(Math.abs(score - b[label]!)).toBeLessThanOrEqual(host.tolerance);
      }
    };

    const expectSameEntities = (
      found: Prediction | undefined,
      expected: Prediction | undefined,
    ): void => {
      const [a, b] = [answerOf(found) as Entity[], answerOf(expected) as Entity[]];
      const places = (entities: Entity[]) => entities.map((item) => ({ ...item, score: null }));
      expect(a.length).toBeGreaterThan(0);
      expect(places(a)).toEqual(places(b));
      for (const [i, { score }] of a.entries()) {
        expect(Math.abs(score - b[i]!.score)).toBeLessThanOrEqual(host.tolerance);
      }
    };

    it.each([
      ["mean pooling", { pooling: "mean" }],
      ["the first token", { pooling: "cls" }],
      ["the base's pooler", { pooling: "pooler" }],
      ["no prefix", { num_virtual_tokens: 0 }],
    ] as const)("answers each text of a batch as it answers it alone: %s", async (_, changes) => {
      const task = await open("mood", kind({ ...changes, labels: ["a", "b", "c"] }));
      const { predict } = arrange();
      const batch = await predict(task, TEXTS);
      expect(batch.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
      for (const [i, text] of TEXTS.entries())
        expectClose(batch[i], (await predict(task, [text]))[0]);
    });

    it("answers requests for tasks with prefixes, deltas, LoRA and other heads in one run as it answers them alone", async () => {
      const tasks = await Promise.all([
        ...[
          { num_virtual_tokens: 0 },
          { num_virtual_tokens: 3, labels: ["a", "b", "c"] },
          { num_virtual_tokens: 11 },
          { num_virtual_tokens: 5, type: "token" as const },
        ].map((changes, seed) => open(`mixed-${seed}`, { seed, ...kind(changes) })),
        open("deltas", {
          ...kind({ num_virtual_tokens: 0 }),
          damageTensors: addDeltas(base.manifest),
        }),
        open("lora", {
          ...kind({ num_virtual_tokens: 0 }),
          damageTensors: addLowRank(base.manifest),
        }),
      ]);
      const everything = { ignore_labels: [] };
      const { scheduler, predict } = arrange();
      // While the first request runs alone, the others come in and then share a run.
      const first = predict(tasks[0]!, ["x"]);
      const together = await Promise.all(
        tasks.map((task) => predict(task, ["a great film"], everything)),
      );
      await first;
      expect(scheduler.runs).toBe(2);
      for (const [i, task] of tasks.entries()) {
        const [alone] = await predict(task, ["a great film"], everything);
        if (task.manifest.type === "sequence") expectClose(together[i]![0], alone);
        else expectSameEntities(together[i]![0], alone);
      }
    });

    it("heeds the deltas and the low-rank changes of a task's file", async () => {
      const { predict } = arrange();
      const scores = async (add: (tensors: Map<string, Tensor>) => void) => {
        const task = await open("mood", { ...kind({ num_virtual_tokens: 0 }), damageTensors: add });
        return scoresOf((await predict(task, ["a great film"]))[0]);
      };
      const plain = await scores(() => undefined);
      for (const add of [addDeltas(base.manifest), addLowRank(base.manifest)]) {
        expect(Math.abs((await scores(add))["low"]! - plain["low"]!)).toBeGreaterThan(1e-3);
      }
    });

    it("keeps a task whose numbers overflow from touching the others in its run", async () => {
      const [sane, wild] = await Promise.all([
        open("sane"),
        open("wild", {
          damageTensors: (tensors) =>
            (tensors.get(PROMPT_EMBEDDINGS)!.data as Float32Array).fill(3e38),
        }),
      ]);
      const { scheduler, predict } = arrange();
      const before = predict(sane, ["x"]);
      const outcomes = await Promise.allSettled([
        predict(wild, [TEXTS[0]!]),
        predict(sane, [TEXTS[0]!]),
      ]);
      await before;
      expect(scheduler.runs).toBe(2);
      const [first, second] = outcomes;
      if (first.status === "rejected") throw first.reason;
      const [overflown] = first.value;
      if (overflown && "error" in overflown) expect(overflown.error.code).toBe("answer-not-finite");
      else for (const score of Object.values(scoresOf(overflown))) expect(score).not.toBeNaN();
      if (second.status === "rejected") throw second.reason;
      expectClose(second.value[0], (await predict(sane, [TEXTS[0]!]))[0]);
    });

    it("answers the other texts of a list, and of a request beside it, when the model cannot run one", async () => {
      const task = await open("mood");
      const { tokenizer } = base;
      // An id beyond the word table: what the tokenizer of another checkpoint may give.
      const tokenize = (text: string) => {
        const pieces = tokenizer.tokenize(text);
        if (text !== "alien") return pieces;
        return { ...pieces, ids: pieces.ids.map(() => base.manifest.configuration.vocab_size) };
      };
      const served: LoadedBase = { ...base, tokenizer: { ...tokenizer, tokenize } };
      const { predict, scheduler } = arrange({ served });
      const [own, other] = await Promise.all([
        predict(task, ["a great film", "alien", "x"]),
        predict(task, ["dull"]),
      ]);
      expect(scheduler.runs).toBeGreaterThan(1);
      expect(own).toMatchObject([
        { index: 0, result: [{}, {}] },
        { index: 1, error: { code: "text-not-runnable" } },
        { index: 2, result: [{}, {}] },
      ]);
      expectClose(other[0], (await predict(task, ["dull"]))[0]);
      expectClose(own[0], (await predict(task, ["a great film"]))[0]);
    });

    it.each([
      ["a label", kind({ max_length: 16 })],
      [
        "tags that are chosen together",
        { ...kind({ max_length: 16, type: "token" }), chain: true },
      ],
    ])(
      "has no answer of numbers that overflow, and reads no more of the text: %s",
      async (_, how) => {
        const damageTensors = (tensors: Map<string, Tensor>): void => {
          const weight = tensors.get(CLASSIFIER_WEIGHT)!;
          const huge = Float32Array.from(weight.data as Float32Array, (value) => value * 3e38);
          tensors.set(CLASSIFIER_WEIGHT, float32(weight.dims, huge));
          if ("chain" in how) addTransitions(tensors, 3);
        };
        const task = await open("overflown", { ...how, damageTensors });
        const { scheduler, predict } = arrange({ maxBatchTokens: 16 });
        const found = await predict(task, [LONG, "a film"]);
        expect(found).toMatchObject([
          { index: 0, error: { code: "answer-not-finite" } },
          { index: 1, error: { code: "answer-not-finite" } },
        ]);
        expect(scheduler.runs).toBe(2);
        expect(scheduler.queuedTokens).toBe(0);
      },
    );

    describe("a long text whose tags are chosen together", () => {
      // A turn is 512 words of so many labels.
      const C = 128;
      const text = `${LONG} ${LONG}`;
      const labels = Array.from({ length: C }, (_, c) => `L${c}`);
      const damageTensors = (tensors: Map<string, Tensor>) => addTransitions(tensors, C);
      const openChain = () => open("chain", { ...kind({ type: "token", labels }), damageTensors });

      it("leaves turns to others on the way to its answer", async () => {
        let turns = 0;
        const { predict } = arrange({ onTurn: () => void turns++ });
        const task = await openChain();
        await predict(task, [TEXTS[1]!]);
        expect(turns).toBe(0);
        const [found] = await predict(task, [text], { ignore_labels: [] });
        expect(turns).toBeGreaterThan(0);
        expect(answerOf(found).length).toBeGreaterThan(0);
      });

      it("is given up in the next turn when its client leaves", async () => {
        const abort = new AbortController();
        const { stream } = arrange({ onTurn: () => abort.abort(new Error("left")) });
        const items = stream(await openChain(), [{ text }], {}, abort.signal);
        await expect(items.next()).rejects.toThrow("left");
      });
    });

    it("gives probabilities that sum to one, best first, and as many as asked for", async () => {
      const task = await open("mood", kind({ labels: ["a", "b", "c"] }));
      const { predict } = arrange();
      const [all] = await predict(task, [TEXTS[1]!]);
      const scores = Object.values(scoresOf(all));
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 12);
      const [best] = await predict(task, [TEXTS[1]!], { top_k: 1 });
      expect(answerOf(best)).toEqual(answerOf(all).slice(0, 1));
    });

    it("reads the second text of a pair", async () => {
      const { predict } = arrange();
      const task = await open("pair");
      const [a, b, alone] = await predict(task, [
        { text: "a film", text_pair: "great" },
        { text: "a film", text_pair: "awful and dull" },
        "a film",
      ]);
      expect(scoresOf(a)).not.toEqual(scoresOf(b));
      expect(scoresOf(a)).not.toEqual(scoresOf(alone));
    });

    it("reads a long text in windows, each with its own run, and says when it was cut instead", async () => {
      const task = await open("long", kind({ max_length: 32 }));
      const { scheduler, predict } = arrange({ maxBatchTokens: 32 });
      const [whole] = await predict(task, [LONG]);
      expect(whole).toMatchObject({ isTruncated: false });
      expect(scheduler.runs).toBeGreaterThan(10);
      const before = scheduler.runs;
      const [cut] = await predict(task, [LONG], { truncation: true });
      expect(cut).toMatchObject({ isTruncated: true });
      expect(scheduler.runs).toBe(before + 1);
      const [short, windowed] = [
        await predict(task, [TEXTS[0]!]),
        await predict(task, [TEXTS[0]!], { stride: 3 }),
      ];
      expect(windowed).toEqual(short);
    });

    it("finds spans that cut their words out of the text, in long and strange texts too", async () => {
      const task = await open("people", kind({ type: "token", max_length: 32 }));
      const { predict } = arrange();
      for (const text of [TEXTS[1]!, LONG, "Ünï 🙂🙂 Angela 🇩🇪 visited\u0301 Paris!"]) {
        const [found] = await predict(task, [text], { offset_unit: "utf16" });
        const entities = answerOf(found) as Entity[];
        for (const { word, start, end } of entities) expect(text.slice(start, end)).toBe(word);
        const [points] = await predict(task, [text]);
        const characters = [...text];
        for (const { word, start, end } of answerOf(points) as Entity[]) {
          expect(characters.slice(start, end).join("")).toBe(word);
        }
      }
    });

    it("tells an input's own fault in its place and answers the rest", async () => {
      const task = await open("faulty", kind({ max_length: 16 }));
      const { predict } = arrange({ maxWindows: 2 });
      const both = { text: LONG, text_pair: LONG };
      const found = await predict(task, ["a great film", LONG, both, "x"]);
      expect(found.map((item) => ("error" in item ? item.error.code : "answered"))).toEqual([
        "answered",
        "too-many-windows",
        "pair-too-long",
        "answered",
      ]);
      expect(found.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    });

    it.each([{ max_length: 1 }, { max_length: 65 }, { stride: 64 }])(
      "refuses parameters that the task cannot follow: %o",
      async (parameters) => {
        const { predict } = arrange();
        const [found] = await predict(await open("mood"), [LONG], parameters);
        expect(found).toMatchObject({ error: { name: "InputError" } });
      },
    );

    it("does no more work once its caller has stopped reading", async () => {
      const task = await open("left", kind({ max_length: 16 }));
      const { scheduler, stream } = arrange({ maxBatchTokens: 16 });
      for await (const item of stream(task, [{ text: "a film" }, { text: LONG }])) {
        expect(item.index).toBe(0);
        break;
      }
      expect(scheduler.runs).toBe(1);
      expect(scheduler.queuedTokens).toBe(0);
    });

    it("stops between runs when it is told to", async () => {
      const task = await open("stopped", kind({ max_length: 16 }));
      const { scheduler, stream } = arrange({ maxBatchTokens: 16 });
      const abort = new AbortController();
      const items = stream(task, [{ text: "a film" }, { text: LONG }], {}, abort.signal);
      await items.next();
      abort.abort();
      await expect(items.next()).rejects.toThrow(/abort/i);
      expect(scheduler.runs).toBe(1);
      expect(scheduler.queuedTokens).toBe(0);
    });
  });
}
