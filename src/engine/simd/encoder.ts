/** A base in the kernels' memory as an encoder: one run at a time, which may stop between layers. */
import { UnavailableError } from "../../core/errors.ts";
import type { States } from "../../core/model/rows.ts";
import type { Encoder } from "../engine.ts";
import { batchOf } from "./batch.ts";
import { runBatch } from "./run.ts";
import type { Machine } from "./run.ts";

/** The encoder of a loaded model. Its memory goes with it: nothing is left when it is released. */
export function simdEncoder(loaded: Machine): Encoder {
  let machine: Machine | null = loaded;
  let isRunning = false;

  function begin(): Machine {
    const what = machine === null ? "has been released" : isRunning ? "is in another run" : null;
    if (machine === null || what !== null) {
      throw new UnavailableError("run-failed", `encoder: ${what}`);
    }
    return machine;
  }

  return {
    loadedFrom: "weights",
    memoryBytes: () => machine?.heap.memoryBytes ?? 0,
    release() {
      machine = null;
      return Promise.resolve();
    },
    async encode(rows, queries, betweenLayers) {
      const { heap, ...rest } = begin();
      isRunning = true;
      const mark = heap.top;
      try {
        const run = runBatch({ heap, ...rest }, batchOf(rows, queries, rest.model));
        let step: IteratorResult<void, States> = run.next();
        while (!step.done) {
          if (betweenLayers) await betweenLayers();
          step = run.next();
        }
        return step.value;
      } finally {
        heap.reset(mark);
        isRunning = false;
      }
    },
  };
}
