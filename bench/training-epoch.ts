/**
 * One epoch over real rows by wall clock: this project's batches of similar length, cut to their
 * longest row, against PyTorch + PEFT on random batches padded to their longest row, which is what
 * the usual data collator does. Both see the same rows, already tokenized, and take turns in blocks.
 */
import { defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { provenance } from "./provenance.ts";
import { InputError } from "../src/core/errors.ts";
import { inTurn } from "./training/contender.ts";
import type { Contender, Time } from "./training/contender.ts";
import { interval } from "./training/interval.ts";
import type { EpochRows } from "./training/rows.ts";
import {
  COMMON_OPTIONS,
  PEER_OPTIONS,
  openBase,
  readLength,
  readPeers,
  readPooling,
  readThreads,
  readTrainGraph,
} from "./training/settings.ts";
import { sum, table } from "./stats.ts";

/** Batches in a turn: short enough to meet the same weather, long enough to be warm. */
const BLOCK = 8;
const WARM_UP_BLOCKS = 1;

export const bench: Command = defineCommand({
  summary: "an epoch at real lengths by wall clock, against PyTorch + PEFT and its usual padding",
  usage: "--data FILE --checkpoint DIR [--python PATH] [--rows N] [--task NAME]",
  example:
    "npx edge-prefix bench training-epoch --data sst2/train.tsv --rows 5000 --checkpoint all-MiniLM-L6-v2 --python venv/bin/python",
  options: {
    ...COMMON_OPTIONS,
    ...PEER_OPTIONS,
    peers: { ...PEER_OPTIONS.peers, default: "peft" },
    data: { type: "string", value: "FILE", hint: "training rows, as `train` reads them" },
    rows: { type: "string", value: "N", default: "5000", hint: "so many of them, drawn at random" },
    task: { type: "string", value: "NAME", default: "mean", hint: "pooler, cls, mean or token" },
    "batch-size": { type: "string", value: "B", default: "32", hint: "rows in a batch" },
  },
  async run({ values, io }) {
    const data = required(values.data, "--data");
    const maxRows = readInteger(values.rows, "--rows", { min: 1 })!;
    const batchSize = readInteger(values["batch-size"], "--batch-size", { min: 1 })!;
    const pooling = readPooling(values.task, "--task");
    const threads = readThreads(values);
    const numVirtualTokens = readLength(values);
    const peers = readPeers(values);
    const base = await openBase(values);
    const { readRows, similarBatches, randomBatches } = await import("./training/rows.ts");
    const { openOurs } = await import("./training/ours.ts");
    const rows = await readRows(data, base, { maxRows, pooling });
    const trainGraph = readTrainGraph(values);
    const problem = { pooling, numLabels: rows.numLabels, numVirtualTokens, threads, trainGraph };

    const plans = [similarBatches(rows, batchSize)];
    const contenders: Contender[] = [await openOurs(base, { ...problem, rows: rows.features })];
    const { startPeer } = await import("./training/peer.ts");
    const { python, checkpoint } = values;
    const peer =
      peers.length > 0 ? await startPeer(python!, { checkpoint: checkpoint!, threads }) : null;
    let times: readonly (readonly Time[])[];
    try {
      await peer?.rows(rows.features, problem);
      for (const name of peers) {
        plans.push(randomBatches(rows, batchSize));
        contenders.push(await peer!.open(name, problem));
      }
      times = await epochInTurn(contenders, plans, io);
      for (const contender of contenders) await contender.close();
    } finally {
      await peer?.stop();
    }
    const wall = times.map((list) => list.map(({ ms }) => ms));
    const cpu = times.map((list) => list.map(({ cpuMs }) => cpuMs));
    const results = contenders.map(({ name }, i) => ({
      name,
      seconds: sum(wall[i]!) / 1000,
      cpu_seconds: sum(cpu[i]!) / 1000,
      padding: paddedShare(rows, plans[i]!),
      ...(i > 0 && {
        ratio: interval(wall[i]!, wall[0]!),
        cpu_ratio: interval(cpu[i]!, cpu[0]!),
      }),
    }));
    if (io.json) {
      const settings = { data: rows.name, rows: rows.features.length, batch_size: batchSize };
      const model = { base: base.manifest.name, task: values.task, threads };
      io.out(
        JSON.stringify({
          bench: "training-epoch",
          ...(await provenance()),
          versions: peer?.versions ?? {},
          ...model,
          num_virtual_tokens: numVirtualTokens,
          ...settings,
          results,
        }),
      );
    } else {
      const lines = results.map(({ name, seconds, padding, ratio, cpu_ratio: cpuRatio }) => [
        name,
        seconds.toFixed(1),
        `${(100 * padding).toFixed(0)} %`,
        ratio ? `${ratio.value.toFixed(2)} (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)})` : "",
        cpuRatio ? cpuRatio.value.toFixed(2) : "",
      ]);
      io.out(table([["", "epoch s", "padding", "it / ours", "by CPU time"], ...lines]));
    }
    return 0;
  },
});

/** The time of every block of batches, by contender. */
async function epochInTurn(
  contenders: readonly Contender[],
  plans: readonly (readonly (readonly number[])[])[],
  io: { err(line: string): void; readonly signal: AbortSignal },
): Promise<Time[][]> {
  const blocks = Math.ceil(plans[0]!.length / BLOCK);
  const planOf = new Map(contenders.map((contender, i) => [contender, plans[i]!]));
  for (const [contender, plan] of planOf) {
    await contender.batches(plan.slice(0, WARM_UP_BLOCKS * BLOCK));
  }
  return inTurn(
    contenders,
    blocks,
    async (contender, round) => {
      const batches = planOf.get(contender)!.slice(round * BLOCK, (round + 1) * BLOCK);
      const time = await contender.batches(batches);
      if (contender === contenders[0]) io.err(`block ${round + 1} of ${blocks}`);
      return time;
    },
    io.signal,
  );
}

/** Share of all positions that hold no token. */
function paddedShare({ features }: EpochRows, batches: readonly (readonly number[])[]): number {
  const lengthsOf = (batch: readonly number[]) => batch.map((row) => features[row]!.ids.length);
  const positions = sum(batches.map((batch) => batch.length * Math.max(...lengthsOf(batch))));
  const tokens = sum(batches.map((batch) => sum(lengthsOf(batch))));
  if (positions === 0) throw new InputError("data-empty", "the data has no rows");
  return 1 - tokens / positions;
}
