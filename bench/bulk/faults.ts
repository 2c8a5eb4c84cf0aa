/**
 * What is wrong in a job of `bench bulk --faults`: lines that cannot be answered, and one of several
 * consumers that throws whatever it is given.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bundle } from "../served/direct.ts";
import { rowOf } from "./job.ts";
import type { Line } from "./job.ts";

/** One line in so many is poisoned. */
const ONE_IN = 100;
/** Deliveries of which one goes to the consumer that throws. */
const CONSUMERS = 4;
/** Every so many ranges, one is delivered to that consumer alone: its message becomes a dead letter. */
export const UNLUCKY_ONE_IN = 25;

type Poison = (id: number) => Line;

const POISONS: readonly Poison[] = [
  (id) => `{"id": ${id}, "text": `,
  (id) => JSON.stringify({ id, text: " " }),
  (id) => JSON.stringify({ id, words: "a film" }),
  () => Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
  (id) => JSON.stringify({ id, text: "a film \ud800" }),
];

export const isPoisoned = (id: number): boolean => id % ONE_IN === ONE_IN / 2;

/** A row, or a poisoned line in its place. */
export const faultyLine = (id: number): Line =>
  isPoisoned(id) ? POISONS[Math.floor(id / ONE_IN) % POISONS.length]!(id) : rowOf(id);

/** Adds an entry to a bundle that stands for several consumers, of which one always throws. */
export async function withFaultyConsumer({ folder, modules, remove }: Bundle): Promise<Bundle> {
  const entry = modules.find((name) => name.endsWith(".js"))!;
  const name = "faulty.js";
  await writeFile(
    join(folder, name),
    `import worker from "./${entry}";
let deliveries = 0;
const unlucky = new Map();
export default {
  ...worker,
  queue(batch, env, ctx) {
    const { kind, start, deaths } = batch.messages[0].body;
    if (batch.queue === "bulk" && kind === "range") {
      if (!unlucky.has(start)) unlucky.set(start, deaths === 0 && unlucky.size % ${UNLUCKY_ONE_IN} === 1);
      if (unlucky.get(start) || ++deliveries % ${CONSUMERS} === 0) throw new Error("this consumer always throws");
    }
    return worker.queue(batch, env, ctx);
  },
};
`,
  );
  return { folder, modules: [name, ...modules], remove };
}
