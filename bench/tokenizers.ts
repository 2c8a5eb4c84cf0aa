/**
 * What a tokenizer costs: time to read its file, memory while it is read and after, texts a second, beside
 * @huggingface/tokenizers. Three synthetic ones have the sizes of public checkpoints; any tokenizer.json can
 * join. Both tokenize the same texts in turn; each is loaded in a process of its own.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { Tokenizer as PeerTokenizer } from "@huggingface/tokenizers";
import { createTokenizer } from "../src/core/tokenizer/tokenizer.ts";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { corpusLines } from "../scripts/node/text-files.ts";
import { median, medianRatio, table } from "./stats.ts";
import type { LoadReply } from "./tokenizers/load.ts";
import { syntheticTexts, syntheticTokenizer } from "./tokenizers/synthetic.ts";
import type { Kind } from "./tokenizers/synthetic.ts";

const SYNTHETIC: readonly (readonly [Kind, number])[] = [
  ["wordpiece", 30_000],
  ["bpe", 50_000],
  ["unigram", 250_000],
];
const SEED = 1;
const TEXTS = 200;
const LOADS = 3;
/** What a tokenizer of 250,000 pieces may take of an isolate's 128 MB. */
const MOST_RESIDENT = 15e6;
/** Texts a second beside the peer's: the least, and that of WordPiece. */
const LEAST_RATIO = { others: 1, wordpiece: 1.5 } as const;

/** A tokenizer.json that is measured. */
interface Subject {
  readonly name: string;
  readonly path: string;
}

export const bench = defineCommand({
  summary: "time and memory of tokenizers, beside @huggingface/tokenizers",
  usage: "[--tokenizer FILE].. [--texts FILE] [--rounds N]",
  example: "npx edge-prefix bench tokenizers --tokenizer models/pocket/tokenizer.json",
  options: {
    tokenizer: {
      type: "string",
      value: "FILE",
      multiple: true,
      hint: "a tokenizer.json that is measured too",
    },
    texts: {
      type: "string",
      value: "FILE",
      hint: `text file, .gz too, whose first ${TEXTS} lines are tokenized (default: words of the tokenizer)`,
    },
    rounds: {
      type: "string",
      value: "N",
      default: "7",
      hint: "times that both tokenize all texts",
    },
  },
  async run({ values, io }) {
    const rounds = readInteger(values.rounds, "--rounds", { min: 1, max: 1_000 })!;
    const texts = values.texts === undefined ? null : await firstLines(values.texts);
    const folder = await mkdtemp(join(tmpdir(), "edge-prefix-tokenizers-"));
    try {
      const results = [];
      const given = (values.tokenizer ?? []).map((path) => ({ name: basename(path), path }));
      for (const subject of [...(await writeSynthetic(folder)), ...given]) {
        io.err(`measuring ${subject.name}`);
        results.push(await measure(subject, texts, rounds));
      }
      if (io.json) io.out(JSON.stringify({ bench: "tokenizers", results }));
      else io.out(report(results));
      return results.every(({ isEnough }) => isEnough) ? 0 : 1;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

async function writeSynthetic(folder: string): Promise<Subject[]> {
  return Promise.all(
    SYNTHETIC.map(async ([kind, pieces]) => {
      const path = join(folder, `${kind}.json`);
      await writeFile(path, syntheticTokenizer(kind, pieces, SEED));
      return { name: `${kind} ${pieces.toLocaleString("en")}`, path };
    }),
  );
}

async function firstLines(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of corpusLines(path)) {
    if (line !== "") lines.push(line);
    if (lines.length === TEXTS) break;
  }
  return lines;
}

type Result = Awaited<ReturnType<typeof measure>>;

async function measure({ name, path }: Subject, given: string[] | null, rounds: number) {
  const bytes = await readFile(path);
  const json = JSON.parse(bytes.toString("utf8")) as { model: { type?: string; vocab: object } };
  const texts = given ?? syntheticTexts(json.model.vocab, TEXTS, SEED);
  const [ours, peer] = [createTokenizer(bytes), new PeerTokenizer(json, {})];
  const timed = (encode: (text: string) => unknown): number => {
    const start = performance.now();
    for (const text of texts) encode(text);
    return performance.now() - start;
  };
  const times = { ours: [] as number[], peer: [] as number[] };
  for (let round = -2; round < rounds; round++) {
    const [own, other] = [timed((text) => ours.encode(text)), timed((text) => peer.encode(text))];
    if (round < 0) continue; // the first runs compile
    times.ours.push(own);
    times.peer.push(other);
  }
  const sameIds = texts.filter(
    (text) => ours.encode(text).ids.join() === peer.encode(text).ids.join(),
  ).length;
  const load = { ours: await loadOf(path, "ours"), peer: await loadOf(path, "peer") };
  const perSecond = (ms: readonly number[]): number => (1e3 * texts.length) / median(ms);
  const ratio = medianRatio(times.peer, times.ours);
  const least = json.model.type === "WordPiece" ? LEAST_RATIO.wordpiece : LEAST_RATIO.others;
  return {
    name,
    load,
    texts_per_second: { ours: perSecond(times.ours), peer: perSecond(times.peer) },
    ratio,
    same_ids: sameIds / texts.length,
    isEnough: ratio >= least && load.ours.resident <= MOST_RESIDENT,
  };
}

/** Medians over several processes, since a collection may begin at any time. */
async function loadOf(path: string, whose: "ours" | "peer"): Promise<LoadReply> {
  const script = join(import.meta.dirname, "tokenizers", "load.ts");
  const replies: LoadReply[] = [];
  for (let i = 0; i < LOADS; i++) {
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--expose-gc",
      script,
      path,
      whose,
    ]);
    replies.push(JSON.parse(stdout) as LoadReply);
  }
  const middle = (field: keyof LoadReply): number => median(replies.map((reply) => reply[field]));
  return { ms: middle("ms"), resident: middle("resident"), peak: middle("peak") };
}

function report(results: readonly Result[]): string {
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const rows = results.flatMap(({ name, load, texts_per_second, ratio, same_ids }) =>
    (["ours", "peer"] as const).map((whose) => [
      whose === "ours" ? name : "  peer",
      `${load[whose].ms.toFixed(0)} ms`,
      mb(load[whose].peak),
      mb(load[whose].resident),
      texts_per_second[whose].toFixed(0),
      whose === "ours" ? `${ratio.toFixed(2)}x` : `${(100 * same_ids).toFixed(0)} % same ids`,
    ]),
  );
  return table([["", "load", "peak", "resident", "texts/s", ""], ...rows]);
}
