/**
 * Training speed: whole steps (forward, backward, clipping, AdamW) of a prefix and a head, on
 * random tokens without padding; beside PyTorch and PEFT where a Python with them is named. All
 * contenders take turns in blocks of a few steps, and ratios are taken within a round.
 */
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { servingBuild } from "../src/engine/simd/serving-engine.ts";
import { chooseTrainGraph } from "../src/learn/graph/choice.ts";
import { provenance } from "./provenance.ts";
import type { Contender, Problem, Time } from "./training/contender.ts";
import { inTurn } from "./training/contender.ts";
import type { Peer, PeerName } from "./training/peer.ts";
import { watchUsage } from "./training/usage.ts";
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
/** From here on the ratios are not to be trusted without a look at the CPU time. */
const BUSY_SHARE = 0.1;

interface Result {
  readonly task: string;
  readonly shape: string;
  /** Median over rounds, by contender; "ours" comes first. */
  readonly tokens_per_second: Readonly<Record<string, number>>;
  /** Milliseconds a step in every round, by contender; and of all its threads' CPU time. */
  readonly step_ms: Readonly<Record<string, readonly number[]>>;
  readonly step_cpu_ms: Readonly<Record<string, readonly number[]>>;
  /** Tokens per second of ours / theirs within each round: median and quartiles. */
  readonly ratio: Readonly<Record<string, Spread>>;
  /** The same by CPU time: what to look at, with --threads 1, on a machine that is never quiet. */
  readonly cpu_ratio: Readonly<Record<string, Spread>>;
  /** Share of the machine's CPU time that went to anything else meanwhile. */
  readonly others_share: number;
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
          const usage = watchUsage();
          const times = await inTurn(
            contenders,
            WARM_UP_ROUNDS + rounds,
            async (contender) => perStep(await contender.random(batch, tokens, steps), steps),
            io.signal,
          );
          const cpuMs = steps * sum(times.flat().map((time) => time.cpuMs));
          const othersShare = usage.othersShare(cpuMs);
          if (othersShare > BUSY_SHARE) io.err(busyNote(othersShare));
          const measured = times.map((list) => list.slice(WARM_UP_ROUNDS));
          results.push({
            task,
            ...resultOf({ batch, tokens }, contenders, measured),
            others_share: rounded(othersShare),
          });
        }
        for (const contender of contenders) await contender.close();
      }
    } finally {
      await peer?.stop();
    }
    if (io.json) {
      const settings = {
        num_virtual_tokens: numVirtualTokens,
        train_graph: chooseTrainGraph(
          trainGraph,
          "prefix",
          base.manifest,
          servingBuild(base.manifest),
        ).trainGraph,
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

const perStep = ({ ms, cpuMs }: Time, steps: number): Time => ({
  ms: ms / steps,
  cpuMs: cpuMs / steps,
});

/** `times`: of one step, by contender and round. */
function resultOf(
  { batch, tokens }: { batch: number; tokens: number },
  contenders: readonly Contender[],
  times: readonly (readonly Time[])[],
): Omit<Result, "task" | "others_share"> {
  const wall = times.map((list) => list.map(({ ms }) => rounded(ms)));
  const cpu = times.map((list) => list.map(({ cpuMs }) => rounded(cpuMs)));
  const byName = <T>(valueOf: (i: number) => T, from = 0): Record<string, T> =>
    Object.fromEntries(contenders.map(({ name }, i) => [name, valueOf(i)] as const).slice(from));
  return {
    shape: `${batch}x${tokens}`,
    tokens_per_second: byName((i) => (1000 * batch * tokens) / median(wall[i]!)),
    ratio: byName((i) => ratioSpread(wall[i]!, wall[0]!), 1),
    cpu_ratio: byName((i) => ratioSpread(cpu[i]!, cpu[0]!), 1),
    step_ms: byName((i) => wall[i]!),
    step_cpu_ms: byName((i) => cpu[i]!),
  };
}

function tableOf(results: readonly Result[], peers: readonly PeerName[]): string {
  const header = [
    "task",
    "shape",
    "ours tok/s",
    ...peers.flatMap((name) => [name, "ours / it", "by CPU time"]),
  ];
  const rows = results.map(({ task, shape, tokens_per_second: speeds, ratio, cpu_ratio: cpu }) => [
    task,
    shape,
    speeds["ours"]!.toFixed(0),
    ...peers.flatMap((name) => [
      speeds[name]!.toFixed(0),
      spreadText(ratio[name]!),
      cpu[name]!.median.toFixed(2),
    ]),
  ]);
  return table([header, ...rows]);
}

const busyNote = (share: number): string =>
  `others took ${(100 * share).toFixed(0)} % of the machine; threads that wait for each other suffer most from that, so look at the CPU time of --threads 1`;

const rounded = (value: number): number => Number(value.toFixed(2));

const spreadText = ({ median: middle, low, high }: Spread): string =>
  `${middle.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
