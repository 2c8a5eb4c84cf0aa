/** What the training benchmarks have in common on the command line. */
import { UsageError, readChoice, readInteger } from "../../scripts/cli/command.ts";
import type { Base } from "../../src/encoder/base.ts";
import { TRAIN_GRAPHS } from "../../src/learn/graph/choice.ts";
import type { TrainGraph } from "../../src/learn/graph/choice.ts";
import type { Pooling } from "../../src/core/model/head.ts";
import { PEER_NAMES } from "./peer.ts";
import type { PeerName } from "./peer.ts";

/** A token task pools nothing. */
export const TASKS: Readonly<Record<string, Pooling>> = {
  pooler: "pooler",
  cls: "cls",
  mean: "mean",
  token: "none",
};

export const COMMON_OPTIONS = {
  checkpoint: {
    type: "string",
    value: "DIR",
    hint: "Hugging Face checkpoint: what PyTorch trains, and imported as int8 what we train",
  },
  base: { type: "string", value: "DIR", hint: "base folder to train over instead" },
  "num-virtual-tokens": {
    type: "string",
    value: "P",
    default: "16",
    hint: "length of the prefix",
  },
  threads: { type: "string", value: "N", default: "2", hint: "threads of each side" },
  "train-graph": {
    type: "string",
    value: TRAIN_GRAPHS.join("|"),
    hint: "how this project rounds rows of activations (as `train`: by what serves the base)",
  },
} as const;

export const PEER_OPTIONS = {
  python: {
    type: "string",
    value: "PATH",
    hint: "interpreter with torch, peft and transformers; without it only this project is measured",
  },
  peers: {
    type: "string",
    value: "LIST",
    default: "peft,peft-no-dropout,full",
    hint: `what PyTorch does: some of ${PEER_NAMES.join(", ")}`,
  },
} as const;

/** The base: a folder, or what `import` makes of the checkpoint. */
export async function openBase(values: {
  readonly base?: string | undefined;
  readonly checkpoint?: string | undefined;
}): Promise<Base> {
  if (values.base !== undefined) {
    const { readBaseFolder } = await import("../../scripts/base/base-folder.ts");
    return readBaseFolder(values.base);
  }
  if (values.checkpoint === undefined) throw new UsageError("--checkpoint or --base is missing");
  const { baseOfCheckpoint } = await import("./ours.ts");
  return baseOfCheckpoint(values.checkpoint);
}

export const readLength = (values: { readonly "num-virtual-tokens": string }): number =>
  readInteger(values["num-virtual-tokens"], "--num-virtual-tokens", { min: 1, max: 4096 })!;

export const readThreads = (values: { readonly threads: string }): number =>
  readInteger(values.threads, "--threads", { min: 1, max: 1024 })!;

export const readTrainGraph = (values: {
  readonly "train-graph"?: string | undefined;
}): TrainGraph | undefined => readChoice(values["train-graph"], "--train-graph", TRAIN_GRAPHS);

/** What a task's head reads, by its name on the command line. */
export const readPooling = (value: string, name: string): Pooling =>
  TASKS[readChoice(value, name, Object.keys(TASKS))!]!;

/** A list such as `pooler,mean`, each word one of `allowed`; undefined stays what it is. */
export function readList<T extends string>(
  value: string,
  name: string,
  allowed: readonly T[],
): readonly T[];
export function readList<T extends string>(
  value: string | undefined,
  name: string,
  allowed: readonly T[],
): readonly T[] | undefined;
export function readList<T extends string>(
  value: string | undefined,
  name: string,
  allowed: readonly T[],
): readonly T[] | undefined {
  return value?.split(",").map((item) => {
    const found = allowed.find((each) => each === item.trim());
    if (found !== undefined) return found;
    throw new UsageError(
      `${name} has ${JSON.stringify(item)}, allowed are ${allowed.join(", ")}, separated by commas`,
    );
  });
}

/** The peers to run; none without an interpreter. */
export function readPeers(values: {
  readonly python?: string | undefined;
  readonly checkpoint?: string | undefined;
  readonly peers: string;
}): readonly PeerName[] {
  const peers = readList(values.peers, "--peers", PEER_NAMES);
  if (values.python === undefined) return [];
  if (values.checkpoint !== undefined) return peers;
  throw new UsageError("--python needs --checkpoint, since PyTorch cannot read a base folder");
}
