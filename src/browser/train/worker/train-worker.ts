/** The Web Worker that trains: one base in memory, and what a page may ask of it. */
import { InputError } from "../../../core/errors.ts";
import { serveCalls } from "../../channel/channel.ts";
import type { Handlers, Port } from "../../channel/channel.ts";
import type { TrainingCalls } from "../calls.ts";
import { openTrainer } from "./trainer.ts";
import type { Trainer } from "./trainer.ts";

let opened: Trainer | null = null;

function trainer(): Trainer {
  if (opened) return opened;
  throw new InputError("base-not-loaded", "training: asked before its base was loaded");
}

const handlers: Handlers<TrainingCalls> = {
  async *open(ask, signal) {
    opened = yield* openTrainer(ask, signal);
    return { base: opened.base.manifest.name };
  },
  async look(request) {
    return trainer().look(request);
  },
  async *train(request) {
    return yield* trainer().train(request);
  },
  async stop() {
    trainer().stop();
  },
  async tryOut({ text, pair }) {
    return { result: await trainer().tryOut(text, pair) };
  },
};

serveCalls(self as unknown as Port, handlers);
