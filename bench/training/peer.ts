/**
 * The PyTorch side of the training benchmarks: peft_step.py in a Python process of the user's
 * choice, spoken to in lines of JSON. One process holds several models.
 */
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { stopTree } from "../../scripts/node/process-tree.ts";
import type { Feature } from "../../src/learn/data/features.ts";
import type { InputError } from "../../src/core/errors.ts";
import { pythonFailed, startPython } from "../python.ts";
import type { Contender, Problem, Time } from "./contender.ts";

const SCRIPT = fileURLToPath(new URL("peft_step.py", import.meta.url));
const WANTS =
  "an interpreter with torch, peft and transformers (pip install torch peft transformers==5.23.0)";

/** Ways to train with PyTorch; `peft` and `full` with the checkpoint's own dropout of 0.1. */
export const PEERS = {
  peft: { method: "prefix", dropout: true },
  "peft-no-dropout": { method: "prefix", dropout: false },
  full: { method: "full", dropout: true },
} as const;
export type PeerName = keyof typeof PEERS;
export const PEER_NAMES = Object.keys(PEERS) as readonly PeerName[];

export interface Peer {
  /** Version by package. */
  readonly versions: Readonly<Record<string, string>>;
  open(name: PeerName, problem: Problem): Promise<Contender>;
  /** Hands over the rows that `batches` refers to. */
  rows(features: readonly Feature[], problem: Pick<Problem, "pooling">): Promise<void>;
  stop(): Promise<void>;
}

/** Starts Python; throws InputError `python-failed` when it or a package is missing. */
export async function startPeer(
  python: string,
  { checkpoint, threads }: { checkpoint: string; threads: number },
): Promise<Peer> {
  const { child, ended, said } = startPython(python, [SCRIPT]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function call<T>(request: Record<string, unknown>): Promise<T> {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await lines.next();
    if (line.done) {
      await ended;
      throw failed(said());
    }
    const answer = JSON.parse(line.value) as T & { error?: string };
    if (answer.error !== undefined) throw failed(answer.error);
    return answer;
  }
  const failed = (why: string): InputError => pythonFailed(python, why, WANTS);
  async function timed(request: Record<string, unknown>): Promise<Time> {
    const { ms, cpu_ms: cpuMs } = await call<{ ms: number; cpu_ms: number }>(request);
    return { ms, cpuMs };
  }

  const { versions } = await call<Pick<Peer, "versions">>({ op: "setup", checkpoint, threads });
  return {
    versions,
    async open(name, { pooling, numLabels, numVirtualTokens }) {
      await call({
        op: "open",
        name,
        ...PEERS[name],
        // BERT's class reads its pooler, which reads [CLS]: one peer for both of ours.
        pooling: pooling === "cls" ? "pooler" : pooling,
        num_labels: numLabels,
        num_virtual_tokens: numVirtualTokens,
      });
      return {
        name,
        random: (batch, tokens, steps) => timed({ op: "random", name, batch, tokens, steps }),
        batches: (batches) => timed({ op: "steps", name, batches }),
        close: async () => void (await call({ op: "close", name })),
      };
    },
    async rows(features, { pooling }) {
      const ids = features.map((feature) => [...feature.ids]);
      const labels = features.map((feature) =>
        pooling === "none" ? [...feature.labels] : feature.labels[0],
      );
      await call({ op: "rows", ids, labels });
    },
    async stop() {
      child.stdin.end();
      await stopTree(child, ended);
    },
  };
}
