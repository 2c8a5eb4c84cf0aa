/**
 * How long does an empty isolate take to its first answer? Every sample is a workerd of its own over
 * one local bucket: the bundled base, another base, and the file that a peer would load plainly, in
 * turn. Times are taken inside, from the request's arrival, so no proxy and no process start counts.
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
import { putTask } from "./served/client.ts";
import { bundleEntry, startDirect } from "./served/direct.ts";
import type { Bundle } from "./served/direct.ts";
import { peerFiles } from "./served/peer-files.ts";
import type { ColdReply, ColdRequest } from "./served/protocol.ts";
import { median, medianRatio, quantile, table } from "./stats.ts";

const TEXT = "a gripping, beautifully acted film that stays with you";
const STEPS = ["fetch", "create", "run"] as const;
/** A base of the peer's size may take as long as the peer; the bundled one is for quick starts. */
const MOST_OF_PEER = { base: 1, bundled: 0.6 };

/** What is started, how it is asked, and what it may take of the peer's time; null: it is the peer. */
interface Subject {
  readonly name: string;
  readonly base: string;
  readonly request: ColdRequest;
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
    const bundle = await bundleEntry("cold.ts");
    const persist = await mkdtemp(join(tmpdir(), "edge-prefix-cold-"));
    const place: Place = { bundle, persist };
    try {
      const subjects = await fillBucket(place, base, peer);
      const all = subjects.map((): ColdReply[] => []);
      const bar = startProgress(io, { label: "starts", total: samples * subjects.length });
      for (let sample = 0; sample < samples; sample++) {
        for (const [i, subject] of subjects.entries()) {
          all[i]!.push(await startOnce(place, subject));
          bar.update(sample * subjects.length + i + 1);
        }
      }
      bar.stop();
      const peerTotals = totals(all.at(-1)!);
      const results = subjects.map(({ name, most }, i) => ({
        name,
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
          row.name,
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
      await bundle.remove();
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

/** What every start has in common: the Worker, bundled once, and the bucket. */
interface Place {
  readonly bundle: Bundle;
  readonly persist: string;
}

const totals = (replies: readonly ColdReply[]): number[] =>
  replies.map((reply) => STEPS.reduce((sum, step) => sum + reply[step], 0));

/** Both bases, a task for each, and the peer's files in one bucket; the peer is last. */
async function fillBucket(place: Place, base: string, peer: Peer): Promise<Subject[]> {
  const started = await startDirect({ BASE: "none" }, place);
  const { bucket } = started;
  try {
    const subjects: Subject[] = [];
    const images = await sessionImages();
    for (const [folder, most] of [
      [BUNDLED_BASE, MOST_OF_PEER.bundled],
      [base, MOST_OF_PEER.base],
    ] as const) {
      const { manifest } = await readManifestOfBase(folder);
      await publishBase(bucket, folder, { images });
      const task = `cold-${manifest.name}`;
      await putTask({ bucket, base: manifest }, task);
      const request = { text: TEXT, task };
      subjects.push({ name: manifest.name, base: manifest.name, request, most });
    }
    const graph = await putFile(bucket, peer.graph);
    const tokenizer = await putFile(bucket, peer.tokenizer);
    const request = { text: TEXT, graph, tokenizer };
    return [...subjects, { name: "peer", base: "none", request, most: null }];
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

async function startOnce(place: Place, { base, request }: Subject): Promise<ColdReply> {
  const { url, stop } = await startDirect({ BASE: base }, place);
  try {
    const body = JSON.stringify(request);
    const reply = await fetch(`${url}/bench/cold`, { method: "POST", body });
    if (!reply.ok) throw new Error(`bench worker: ${await reply.text()}`);
    return (await reply.json()) as ColdReply;
  } finally {
    await stop();
  }
}
