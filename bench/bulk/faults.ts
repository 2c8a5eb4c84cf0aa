/**
 * What is wrong in a job of `bench bulk --faults`: lines that cannot be answered, and one of several
 * consumers that throws whatever it is given.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bundle } from "../served/direct.ts";
import type { Form } from "./forms.ts";
import type { Line } from "./job.ts";

/** One line in so many is poisoned. */
const ONE_IN = 100;
/** Deliveries of which one goes to the consumer that throws. */
const CONSUMERS = 4;
/** Every so many ranges, one is delivered to that consumer alone: its message becomes a dead letter. */
export const UNLUCKY_ONE_IN = 25;

export const isPoisoned = (row: number): boolean => row % ONE_IN === ONE_IN / 2;

/** Lines of a form, poisoned ones in the place of some. */
export const faultyLines =
  ({ lineOf, poisons }: Form) =>
  (row: number): Line =>
    isPoisoned(row) ? poisons[Math.floor(row / ONE_IN) % poisons.length]!(row) : lineOf(row);

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
