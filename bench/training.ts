/**
 * Training speed: whole steps (forward, backward, clipping, AdamW) of a prefix and a head, on
 * random tokens without padding; beside PyTorch and PEFT where a Python with them is named. All
 * contenders take turns in blocks of a few steps, and ratios are taken within a round.
 */
import { defineCommand, readInteger } from "../scripts/commands/command.ts";
import type { Command } from "../scripts/commands/command.ts";
import { chooseTrainGraph } from "../scripts/training/train-graph.ts";
import { provenance } from "./provenance.ts";
import type { Contender, Problem } from "./training/contender.ts";
import { inTurn } from "./training/contender.ts";
import type { Peer, PeerName } from "./training/peer.ts";
import {
  COMMON_OPTIONS,
  PEER_OPTIONS,
  TASKS,
  openBase,
  readLength,
  readList,
  readPeers,
  readThreads,
  readTrainGraph,
} from "./training/settings.ts";
import { median, ratioSpread, sum, table } from "./stats.ts";
import type { Spread } from "./stats.ts";

const SHAPES = [
  { batch: 32, tokens: 32 },
  { batch: 16, tokens: 128 },
] as const;
const NUM_LABELS = 4;
const WARM_UP_ROUNDS = 1;

interface Result {
  readonly task: string;
  readonly shape: string;
  /** Median over rounds, by contender; "ours" comes first. */
  readonly tokens_per_second: Readonly<Record<string, number>>;
  /** Milliseconds a step in every round, by contender. */
  readonly step_ms: Readonly<Record<string, readonly number[]>>;
  /** Tokens per second of ours / theirs within each round: median and quartiles. */
  readonly ratio: Readonly<Record<string, Spread>>;
}

export const bench: Command = defineCommand({
  summary: "training tokens per second at 32x32 and 16x128, against PyTorch + PEFT",
  usage: "--checkpoint DIR | --base DIR [--python PATH] [--tasks LIST] [--rounds N] [--steps N]",
  example:
    "npx edge-prefix bench training --checkpoint all-MiniLM-L6-v2 --python venv/bin/python\n" +
    "npx edge-prefix bench training --base models/pocket --tasks mean",
  options: {
    ...COMMON_OPTIONS,
    ...PEER_OPTIONS,
    tasks: {
      type: "string",
      value: "LIST",
      default: "pooler,mean,token",
      hint: `what a task's head reads: some of ${Object.keys(TASKS).join(", ")}`,
    },
    rounds: { type: "string", value: "N", default: "10", hint: "turns of each contender" },
    steps: { type: "string", value: "N", default: "3", hint: "steps in a turn" },
  },
  async run({ values, io }) {
    const tasks = readList(values.tasks, "--tasks", Object.keys(TASKS));
    const rounds = readInteger(values.rounds, "--rounds", { min: 1 })!;
    const steps = readInteger(values.steps, "--steps", { min: 1 })!;
    const threads = readThreads(values);
    const numVirtualTokens = readLength(values);
    const peers = readPeers(values);
    const trainGraph = readTrainGraph(values);
    const base = await openBase(values);
    const { openOurs } = await import("./training/ours.ts");
    const peer = await startPeers(values.python, { checkpoint: values.checkpoint, threads });

    const results: Result[] = [];
    try {
      for (const task of tasks) {
        const problem = {
          pooling: TASKS[task]!,
          numLabels: NUM_LABELS,
          numVirtualTokens,
          threads,
          trainGraph,
        };
        const contenders = [
          await openOurs(base, problem),
          ...(await openAll(peer, peers, problem)),
        ];
        for (const { batch, tokens } of SHAPES) {
          io.err(`${task} ${batch}x${tokens}`);
          const times = await inTurn(
            contenders,
            WARM_UP_ROUNDS + rounds,
            async (contender) => sum(await contender.random(batch, tokens, steps)) / steps,
            io.signal,
          );
          const measured = times.map((list) => list.slice(WARM_UP_ROUNDS));
          results.push(resultOf(task, { batch, tokens }, contenders, measured));
        }
        for (const contender of contenders) await contender.close();
      }
    } finally {
      await peer?.stop();
    }
    if (io.json) {
      const settings = {
        num_virtual_tokens: numVirtualTokens,
        train_graph: chooseTrainGraph(trainGraph, "prefix", base.manifest).trainGraph,
        threads,
        rounds,
        steps,
      };
      const versions = peer?.versions ?? {};
      const about = { base: base.manifest.name, dtype: base.manifest.dtype, ...settings };
      io.out(
        JSON.stringify({ bench: "training", ...(await provenance()), versions, ...about, results }),
      );
    } else {
      io.out(tableOf(results, peers));
    }
    return 0;
  },
});

async function startPeers(
  python: string | undefined,
  { checkpoint, threads }: { checkpoint: string | undefined; threads: number },
): Promise<Peer | null> {
  if (python === undefined || checkpoint === undefined) return null;
  const { startPeer } = await import("./training/peer.ts");
  return startPeer(python, { checkpoint, threads });
}

async function openAll(
  peer: Peer | null,
  names: readonly PeerName[],
  problem: Problem,
): Promise<Contender[]> {
  const contenders: Contender[] = [];
  if (peer) for (const name of names) contenders.push(await peer.open(name, problem));
  return contenders;
}

/** `times`: milliseconds a step, by contender and round. */
function resultOf(
  task: string,
  { batch, tokens }: { batch: number; tokens: number },
  contenders: readonly Contender[],
  times: readonly (readonly number[])[],
): Result {
  const speeds = contenders.map(({ name }, i) => [
    name,
    (1000 * batch * tokens) / median(times[i]!),
  ]);
  const ratios = contenders.map(
    ({ name }, i) => [name, ratioSpread(times[i]!, times[0]!)] as const,
  );
  return {
    task,
    shape: `${batch}x${tokens}`,
    tokens_per_second: Object.fromEntries(speeds),
    step_ms: Object.fromEntries(contenders.map(({ name }, i) => [name, times[i]!.map(rounded)])),
    ratio: Object.fromEntries(ratios.slice(1)),
  };
}

function tableOf(results: readonly Result[], peers: readonly PeerName[]): string {
  const header = ["task", "shape", "ours tok/s", ...peers.flatMap((name) => [name, "ours / it"])];
  const rows = results.map(({ task, shape, tokens_per_second: speeds, ratio }) => [
    task,
    shape,
    speeds["ours"]!.toFixed(0),
    ...peers.flatMap((name) => [speeds[name]!.toFixed(0), spreadText(ratio[name]!)]),
  ]);
  return table([header, ...rows]);
}

const rounded = (ms: number): number => Number(ms.toFixed(2));

const spreadText = ({ median: middle, low, high }: Spread): string =>
  `${middle.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
