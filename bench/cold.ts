/**
 * How long does an empty isolate take to its first answer? Every sample is a workerd of its own over
 * one local bucket: the bundled base and another base by each of our engines, and the file that a peer
 * would load plainly, in turn. Times are taken inside, from the request's arrival, so no proxy and no process start counts.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blobKey } from "../src/core/format/keys.ts";
import { UsageError, defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { sessionImages } from "../scripts/images/make.ts";
import { startProgress } from "../scripts/cli/progress.ts";
import { sha256Hex } from "../scripts/node/hash.ts";
import type { PublishBucket } from "../scripts/publish/bucket.ts";
import { publishBase, readManifestOfBase } from "../scripts/publish/publish-base.ts";
import { ENGINES, enginesOf } from "./engines.ts";
import type { EngineName } from "./engines.ts";
import { putTask } from "./served/client.ts";
import { bundleEntry, startDirect } from "./served/direct.ts";
import type { Bundle } from "./served/direct.ts";
import { peerFiles } from "./served/peer-files.ts";
import type { ColdGraph, ColdReply, ColdTask } from "./served/protocol.ts";
import { median, medianRatio, quantile, table } from "./stats.ts";

const TEXT = "a gripping, beautifully acted film that stays with you";
const STEPS = ["fetch", "create", "run"] as const;
/** What the bundled base, made for quick starts, and one of the peer's size may take of its time. */
const MOST_OF_PEER: Readonly<Record<EngineName, { bundled: number; base: number }>> = {
  simd: { bundled: 0.25, base: 0.4 },
  onnxruntime: { bundled: 0.6, base: 1 },
};

/** What is started, and how it is asked. */
interface Subject {
  readonly name: string;
  /** null: it is the peer. */
  readonly engine: EngineName | null;
  readonly base: string;
  readonly request: ColdTask | ColdGraph;
  /** What it may take of the peer's time. */
  readonly most: number | null;
}

export const bench = defineCommand({
  summary: "milliseconds from an empty isolate to the first answer, beside a plain ONNX file",
  usage: "--base DIR --peer DIR|FILE [--samples N]",
  example: "npx edge-prefix bench cold --base models/minilm --peer peers/all-MiniLM-L6-v2",
  options: {
    base: { type: "string", value: "DIR", hint: "base folder of the peer's checkpoint, int8" },
    peer: {
      type: "string",
      value: "DIR|FILE",
      hint: "folder with onnx/model_quantized.onnx (weights inside) and tokenizer.json, or that file",
    },
    samples: { type: "string", value: "N", default: "10", hint: "starts of each" },
  },
  async run({ values, io }) {
    const samples = readInteger(values.samples, "--samples", { min: 1, max: 1_000 })!;
    const base = required(values.base, "--base");
    const peer = await peerWithTokenizer(required(values.peer, "--peer"));
    const persist = await mkdtemp(join(tmpdir(), "edge-prefix-cold-"));
    const bundles = new Map<Subject["engine"], Bundle>();
    try {
      for (const name of ENGINES) bundles.set(name, await bundleEntry(`cold-${name}`));
      bundles.set(null, await bundleEntry("cold-plain"));
      const subjects = await fillBucket(bundles.get(null)!, persist, base, peer);
      const all = subjects.map((): ColdReply[] => []);
      const bar = startProgress(io, { label: "starts", total: samples * subjects.length });
      for (let sample = 0; sample < samples; sample++) {
        for (const [i, subject] of subjects.entries()) {
          all[i]!.push(await startOnce(bundles.get(subject.engine)!, persist, subject));
          bar.update(sample * subjects.length + i + 1);
        }
      }
      bar.stop();
      const peerTotals = totals(all.at(-1)!);
      const results = subjects.map(({ name, engine, most }, i) => ({
        name,
        engine,
        ms: Object.fromEntries(STEPS.map((step) => [step, median(all[i]!.map((r) => r[step]))])),
        total_ms: median(totals(all[i]!)),
        total_p90_ms: quantile(totals(all[i]!), 0.9),
        of_peer: medianRatio(totals(all[i]!), peerTotals),
        allowed: most,
      }));
      const ok = results.every(({ of_peer, allowed }) => allowed === null || of_peer <= allowed);
      if (io.json) io.out(JSON.stringify({ bench: "cold", samples, results, ok }));
      else {
        const rows = results.map((row) => [
          row.engine === null ? row.name : `${row.name}, ${row.engine}`,
          ...STEPS.map((step) => row.ms[step]!.toFixed(0)),
          row.total_ms.toFixed(0),
          row.total_p90_ms.toFixed(0),
          row.of_peer.toFixed(2),
          row.allowed?.toFixed(2) ?? "",
        ]);
        const head = ["first answer, ms", "fetch", "create", "first run", "total", "p90"];
        io.out(table([[...head, "of peer", "allowed"], ...rows]));
        io.out(`${ok ? "ok" : "FAILED"}: medians of ${samples} starts, ratios start by start`);
      }
      return ok ? 0 : 1;
    } finally {
      await rm(persist, { recursive: true, force: true });
      for (const bundle of bundles.values()) await bundle.remove();
    }
  },
});

interface Peer {
  readonly graph: string;
  readonly tokenizer: string;
}

/** Throws UsageError where a file is missing: before anything is bundled or started. */
async function peerWithTokenizer(path: string): Promise<Peer> {
  const { graph, tokenizer } = await peerFiles(path);
  if (tokenizer === null) throw new UsageError(`--peer ${path}: has no tokenizer.json beside it`);
  return { graph, tokenizer };
}

const totals = (replies: readonly ColdReply[]): number[] =>
  replies.map((reply) => STEPS.reduce((sum, step) => sum + reply[step], 0));

/** Both bases, a task for each, and the peer's files in one bucket; the peer is last. */
async function fillBucket(
  bundle: Bundle,
  persist: string,
  dir: string,
  peer: Peer,
): Promise<Subject[]> {
  const started = await startDirect({ BASE: "none" }, { start: bundle, persist });
  const { bucket } = started;
  try {
    const subjects: Subject[] = [];
    const images = await sessionImages();
    for (const [kind, folder] of [
      ["bundled", BUNDLED_BASE],
      ["base", dir],
    ] as const) {
      const { manifest } = await readManifestOfBase(folder);
      await publishBase(bucket, folder, { images });
      const { name } = manifest;
      const task = `cold-${name}`;
      await putTask({ bucket, base: manifest }, task);
      for (const engine of enginesOf(manifest)) {
        const most = MOST_OF_PEER[engine][kind];
        subjects.push({ name, engine, base: name, request: { text: TEXT, task }, most });
      }
    }
    const graph = await putFile(bucket, peer.graph);
    const tokenizer = await putFile(bucket, peer.tokenizer);
    const request = { text: TEXT, graph, tokenizer };
    return [...subjects, { name: "peer", engine: null, base: "none", request, most: null }];
  } finally {
    await started.stop();
  }
}

async function putFile(bucket: PublishBucket, path: string): Promise<string> {
  const bytes = new Uint8Array(await readFile(path));
  const key = blobKey(sha256Hex(bytes));
  await bucket.putBlob(key, bytes, sha256Hex(bytes));
  return key;
}

async function startOnce(
  bundle: Bundle,
  persist: string,
  { base, request }: Subject,
): Promise<ColdReply> {
  const { url, stop } = await startDirect({ BASE: base }, { start: bundle, persist });
  try {
    const body = JSON.stringify(request);
    const reply = await fetch(`${url}/bench/cold`, { method: "POST", body });
    if (!reply.ok) throw new Error(`bench worker: ${await reply.text()}`);
    return (await reply.json()) as ColdReply;
  } finally {
    await stop();
  }
}
