/** What is measured of the bundled base besides its tasks; each part is one JSON object. */
import { readBaseFolder } from "../../scripts/base/base-folder.ts";
import type { Command, Io } from "../../scripts/cli/command.ts";
import { bench as cold } from "../cold.ts";
import { readEngine } from "../engines.ts";
import { bench as memory } from "../memory.ts";
import { median, medianRatio } from "../stats.ts";
import { startBenchWorker } from "../workerd/client.ts";

const PREFIX_LENGTH = 16;

/** Milliseconds of 1x128 in one workerd, both int8 bases in turn, every position answered. */
export async function latency(pocket: string, minilm: string, rounds: number) {
  const engine = readEngine(undefined);
  const worker = await startBenchWorker();
  try {
    await worker.loadBase("pocket", engine, await readBaseFolder(pocket));
    await worker.loadBase("minilm", engine, await readBaseFolder(minilm));
    const { times } = await worker.time({
      subjects: ["pocket", "minilm"],
      cases: [{ rows: 1, tokens: 128, queries: "all", prefixLengths: [PREFIX_LENGTH], labels: 0 }],
      rounds,
    });
    const [ours, theirs] = [times[0]!["pocket"]!, times[0]!["minilm"]!];
    return {
      tokens: 128,
      rounds,
      pocket_ms: median(ours),
      minilm_ms: median(theirs),
      ratio: medianRatio(ours, theirs),
    };
  } finally {
    await worker.stop();
  }
}

/**
 * Empty isolate to first answer, by `bench cold`, against all-MiniLM-L6-v2 twice: as its publisher's
 * graph is loaded plainly (`ratio`), and as a base of this project, started like the bundled one by the
 * default engine (`ratio_to_restored`).
 */
export async function coldStart(minilm: string, peer: string, samples: number, io: Io) {
  const values = { base: minilm, peer, samples: String(samples) };
  const { results } = (await jsonOf(cold, values, io)) as { results: readonly ColdResult[] };
  const engine = readEngine(undefined);
  const [pocket, restored, plain] = results.filter(
    (result) => result.engine === engine || result.engine === null,
  ) as [ColdResult, ColdResult, ColdResult];
  return {
    samples,
    pocket_ms: pocket.total_ms,
    minilm_ms: plain.total_ms,
    minilm_restored_ms: restored.total_ms,
    ratio: pocket.of_peer,
    ratio_to_restored: pocket.total_ms / restored.total_ms,
  };
}

interface ColdResult {
  /** null: the peer. */
  readonly engine: string | null;
  readonly total_ms: number;
  readonly of_peer: number;
}

/** The wasm heap of a fresh workerd, by `bench memory`. */
export async function heap(pocket: string, io: Io) {
  const { loaded, after_1x512: after } = (await jsonOf(memory, { base: pocket }, io)) as {
    loaded: number;
    after_1x512: number;
  };
  return { loaded_bytes: loaded, after_1x512_bytes: after };
}

/** The JSON that another benchmark prints. */
async function jsonOf(bench: Command, values: object, io: Io): Promise<unknown> {
  const lines: string[] = [];
  const out = (line: string): void => void lines.push(line);
  const inner = { ...io, json: true, out };
  // The command line checks its options; these are ours.
  await bench.run({ values: values as never, positionals: [], io: inner });
  return JSON.parse(lines.at(-1)!);
}
