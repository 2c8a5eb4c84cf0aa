/**
 * What a writer of the bucket without the key can do to requests under way: pointers that are forged,
 * stripped of their signatures, replayed or expired are put into the bucket of a Worker with
 * TRUSTED_KEYS while clients ask. Each must be refused, and no request may fail or be answered by
 * anything but the last good version.
 */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { baseFolder } from "../scripts/base/names.ts";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { makeKeyPair, readSigner } from "../scripts/node/signer.ts";
import { publishBase, readManifestOfBase } from "../scripts/publish/publish-base.ts";
import { publishTask } from "../scripts/publish/publish-task.ts";
import { sealed } from "../scripts/publish/sealing.ts";
import type { Sealing } from "../scripts/publish/sealing.ts";
import { ensureSigned } from "../scripts/publish/sign-folder.ts";
import { fetchTaskPointer } from "../scripts/publish/task-pointer.ts";
import { taskKey } from "../src/core/format/keys.ts";
import type { TaskPointer } from "../src/core/format/pointer.ts";
import { encodeUtf8 } from "../src/core/text.ts";
import type { Started } from "./served/client.ts";
import { startDirect } from "./served/direct.ts";
import { makeTask, writeTask } from "./served/made-task.ts";
import { table } from "./stats.ts";

const TASK = "trusted";
/** A Worker looks at a pointer four times a second; an attack is not refused by being overlooked. */
const MARKED_WITHIN_MS = 20_000;
const LOOK_MS = 50;

interface Seen {
  readonly status: number;
  readonly version: string | null;
  readonly isStale: boolean;
}

interface Attack {
  readonly name: string;
  /** What is put in the place of the good pointer. */
  readonly pointer: object;
}

export const bench = defineCommand({
  summary: "forged, stripped, replayed and expired signatures put into the bucket under load",
  usage: "[--base DIR] [--clients N] [--ms N]",
  example: "npx edge-prefix bench trust --clients 4",
  options: {
    base: { type: "string", value: "DIR", default: "pocket", hint: "base folder" },
    clients: { type: "string", value: "N", default: "4", hint: "clients that ask all the time" },
    ms: { type: "string", value: "N", default: "1000", hint: "how long each attack lasts" },
  },
  async run({ values, io }) {
    const clients = readInteger(values.clients, "--clients", { min: 1, max: 1_000 })!;
    const ms = readInteger(values.ms, "--ms", { min: 1, max: 600_000 })!;
    const folder = await mkdtemp(join(tmpdir(), "edge-prefix-trust-"));
    const base = join(folder, "base");
    await cp(baseFolder(values.base)!, base, { recursive: true });
    const { manifest } = await readManifestOfBase(base);
    const [owner, stranger] = [
      await sealingBy(folder, "owner"),
      await sealingBy(folder, "stranger"),
    ];
    const started = await startDirect(
      { BASE: manifest.name, TRUSTED_KEYS: owner.publicKey },
      { start: "simd" },
    );
    try {
      const { bucket } = started;
      await ensureSigned(base, owner.signer);
      await publishBase(bucket, base, { sealing: owner });
      while (!(await started.get("/readyz")).ok) await pause(LOOK_MS);
      const push = async (seed: number, by: Sealing): Promise<TaskPointer> => {
        const path = join(folder, `${by.signer.key.id}-${seed}`);
        await writeTask(path, makeTask(manifest, { task: TASK, seed }));
        await ensureSigned(path, by.signer);
        await publishTask(bucket, path, { sealing: by });
        return fetchTaskPointer(bucket, TASK);
      };
      const first = await push(1, owner);
      const good = await push(2, owner);
      const attacks = attacksOn(first, good, owner, stranger);
      const traffic = startTraffic(started, clients);
      await untilSeen(traffic.seen, ({ isStale, version }) => !isStale && version === good.current);
      const rows = [];
      for (const { name, pointer } of attacks) {
        const before = traffic.seen.length;
        const start = performance.now();
        await put(started, pointer);
        const isMarked = await untilSeen(traffic.seen, ({ isStale }) => isStale);
        const markedMs = isMarked ? performance.now() - start : null;
        await pause(ms);
        await put(started, good);
        const isBack = await untilSeen(traffic.seen, ({ isStale }) => !isStale);
        const seen = traffic.seen.slice(before);
        const failed = seen.filter(({ status }) => status !== 200).length;
        const other = seen.filter(({ version }) => version !== good.current).length;
        const isRefused = isMarked && isBack && failed === 0 && other === 0;
        rows.push({ attack: name, answers: seen.length, failed, other, markedMs, isRefused });
        io.err(`${name}: ${isRefused ? "refused" : "NOT REFUSED"}`);
      }
      await traffic.stop();
      const ok = rows.every(({ isRefused }) => isRefused);
      if (io.json) io.out(JSON.stringify({ bench: "trust", clients, ok, attacks: rows }));
      else {
        const cells = rows.map(({ attack, answers, failed, other, markedMs }) => [
          attack,
          String(answers),
          String(failed),
          String(other),
          markedMs === null ? "never" : `${markedMs.toFixed(0)} ms`,
        ]);
        io.out(table([["attack", "answers", "failed", "by another version", "marked"], ...cells]));
        io.out(`${ok ? "ok" : "FAILED"}: each refused, none failed, the last good version answers`);
      }
      return ok ? 0 : 1;
    } finally {
      await started.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
});

async function sealingBy(folder: string, name: string): Promise<Sealing & { publicKey: string }> {
  const path = join(folder, `${name}.pem`);
  const { privateKey, publicKey } = makeKeyPair("P-256");
  await writeFile(path, privateKey);
  return { signer: await readSigner(path), goodForMs: null, trusted: [], publicKey };
}

/** `first` is a pointer of the owner that was replaced by `good`: to the version before. */
function attacksOn(
  first: TaskPointer,
  good: TaskPointer,
  owner: Sealing,
  stranger: Sealing,
): Attack[] {
  const { seal, ...unsealed } = good;
  const back = { ...good, current: first.current };
  const { signature: _, ...unsigned } = good.versions[0]!;
  const late = { ...owner, goodForMs: -1_000 };
  return [
    { name: "seal stripped", pointer: unsealed },
    {
      name: "seal stripped, pointed at another version",
      pointer: { ...unsealed, current: first.current },
    },
    { name: "pointed at another version below the old seal", pointer: back },
    { name: "sealed by a key that is not trusted", pointer: sealed(back, seal ?? null, stranger) },
    { name: "replayed: the owner's pointer of before", pointer: first },
    {
      name: "expired: the owner's, good until a second ago",
      pointer: sealed(good, seal ?? null, late),
    },
    {
      name: "signature of the version stripped",
      pointer: { ...good, versions: [unsigned, ...good.versions.slice(1)] },
    },
    { name: "seal of another text", pointer: { ...good, seal: { ...seal, serial: 9e15 } } },
    { name: "no pointer at all", pointer: { task: TASK } },
  ];
}

async function put({ bucket }: Started, pointer: object): Promise<void> {
  const key = taskKey(TASK);
  const there = await bucket.get(key);
  const isWritten = await bucket.putIf(key, encodeUtf8(JSON.stringify(pointer)), there!.etag);
  if (!isWritten) throw new Error("the pointer was written by another");
}

/** Waits for an answer of a kind among those that are still to come; false when there is none in time. */
async function untilSeen(seen: readonly Seen[], isIt: (one: Seen) => boolean): Promise<boolean> {
  const [from, start] = [seen.length, performance.now()];
  while (performance.now() - start < MARKED_WITHIN_MS) {
    if (seen.slice(from).some(isIt)) return true;
    await pause(LOOK_MS);
  }
  return false;
}

/** Clients that ask as soon as they are answered, until they are stopped. */
function startTraffic({ url }: Started, clients: number) {
  const seen: Seen[] = [];
  const over = new AbortController();
  const ask = async (): Promise<Seen> => {
    const response = await fetch(`${url}/v1/tasks/${TASK}/predict`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inputs: "a gripping, beautifully acted film" }),
    });
    await response.arrayBuffer();
    const { status, headers } = response;
    const isStale = headers.get("x-task-stale") === "true";
    return { status, version: headers.get("x-task-version"), isStale };
  };
  const client = async (): Promise<void> => {
    const failed = { status: 0, version: null, isStale: false };
    while (!over.signal.aborted) seen.push(await ask().catch(() => failed));
  };
  const all = Array.from({ length: clients }, client);
  return {
    seen,
    async stop() {
      over.abort();
      await Promise.all(all);
    },
  };
}
