/**
 * One tokenizer, loaded in a process of its own: `node --expose-gc load.ts FILE ours|peer` prints what it
 * took. `bench tokenizers` starts it, since what one load leaves behind would hide the peak of the next.
 */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { Tokenizer as PeerTokenizer } from "@huggingface/tokenizers";
import { streamTokenizer } from "../../src/core/tokenizer/tokenizer.ts";

/** What a load took; bytes are those beyond the process before it. */
export interface LoadReply {
  readonly ms: number;
  /** JavaScript heap and array buffers that remain, after a collection. */
  readonly resident: number;
  /** The most memory that the process had at once, what waited for a collection included. */
  readonly peak: number;
}

/** Buffers are freed a moment after the collection that finds them. */
async function held(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!();
    await wait(10);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const load = async (file: string, whose: string): Promise<{ encode(text: string): unknown }> =>
  whose === "ours"
    ? streamTokenizer(createReadStream(file))
    : new PeerTokenizer(JSON.parse(await readFile(file, "utf8")) as object, {});

const [file = "", whose = ""] = process.argv.slice(2);
const before = await held();
const rssBefore = process.memoryUsage.rss();
const start = performance.now();
const tokenizer = await load(file, whose);
const ms = performance.now() - start;
const peak = process.resourceUsage().maxRSS * 1024 - rssBefore;
const resident = (await held()) - before;
const reply: LoadReply = { ms, resident, peak };
console.log(JSON.stringify(reply));
tokenizer.encode("a"); // it was there until now
