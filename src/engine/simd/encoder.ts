/** A base in the kernels' memory as an encoder: one run at a time, which can stop between layers. */
import { UnavailableError } from "../../core/errors.ts";
import type { Queries, Row, States } from "../../core/model/rows.ts";
import type { Encoder } from "../engine.ts";
import { batchOf } from "./batch.ts";
import { runBatch } from "./run.ts";
import type { Machine } from "./run.ts";

/** The encoder of a loaded model. Its memory goes with it: nothing is left when it is released. */
export function simdEncoder(loaded: Machine): Encoder {
  const start = loaded.heap.top;
  let machine: Machine | null = loaded;
  /** The run whose arrays are on top of the heap. */
  let current: symbol | null = null;

  function* steps(rows: readonly Row[], queries: Queries): Generator<void, States> {
    const own = Symbol("run");
    current = own;
    const running = (): Machine => {
      if (machine !== null && current === own) return machine;
      const why = machine === null ? "the encoder has been released" : "another run has begun";
      throw new UnavailableError("run-failed", `run: ${why}`);
    };
    const { heap, model } = running();
    heap.reset(start);
    const run = runBatch(running(), batchOf(rows, queries, model));
    for (let step = run.next(); ; step = run.next()) {
      if (step.done) return step.value;
      yield;
      running();
    }
  }

  return {
    loadedFrom: "weights",
    memoryBytes: () => machine?.heap.memoryBytes ?? 0,
    release() {
      machine = null;
      return Promise.resolve();
    },
    // A promise of what has been computed, so that a run which fails rejects.
    async encode(rows, queries) {
      const run = steps(rows, queries);
      let step = run.next();
      while (!step.done) step = run.next();
      return Promise.resolve(step.value);
    },
    steps,
  };
}
