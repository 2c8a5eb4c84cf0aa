/**
 * The verbs that write pointers, with a key: what they sign, what they refuse to sign, and what a
 * writer of the bucket without a key can make of their next run. Keys and signatures are real.
 */
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeKeyPair, readSigner } from "../../../scripts/node/signer.ts";
import { readHistory, recordChange } from "../../../scripts/publish/history.ts";
import {
  endCanary,
  revokeVersion,
  rollbackTask,
  startCanary,
} from "../../../scripts/publish/move-task.ts";
import { publishBase } from "../../../scripts/publish/publish-base.ts";
import { publishTask } from "../../../scripts/publish/publish-task.ts";
import type { Sealing } from "../../../scripts/publish/sealing.ts";
import { ensureSigned, signFolder } from "../../../scripts/publish/sign-folder.ts";
import { fetchTaskPointer } from "../../../scripts/publish/task-pointer.ts";
import {
  verifyBase,
  verifyPointer,
  verifyVersion,
} from "../../../scripts/publish/verify-signatures.ts";
import { baseKey, taskKey } from "../../../src/core/format/keys.ts";
import type { TaskPointer } from "../../../src/core/format/pointer.ts";
import { encodeUtf8, parseJson } from "../../../src/core/text.ts";
import { startPublishing, wait } from "../../support/publishing.ts";
import type { Publishing } from "../../support/publishing.ts";

let { bucket, inRoot, version, remove } = {} as Publishing;
let owner: Sealing;
let time: number;

async function makeSealing(name: string): Promise<Sealing> {
  const file = inRoot(`${name}.pem`);
  writeFileSync(file, makeKeyPair("P-256").privateKey);
  const signer = await readSigner(file);
  return { signer, goodForMs: null, trusted: [], now: () => new Date((time += 1_000)) };
}

beforeEach(async () => {
  ({ bucket, inRoot, version, remove } = await startPublishing("signed"));
  time = Date.parse("2026-06-01T00:00:00Z");
  owner = await makeSealing("owner");
});
afterEach(() => remove());

/** Signs and pushes a version of "mood". */
async function push(seed: number, sealing = owner): Promise<string> {
  const folder = version(seed);
  await ensureSigned(folder, sealing.signer);
  return (await publishTask(bucket, folder, { wait, sealing })).version;
}

const pointer = (): Promise<TaskPointer> => fetchTaskPointer(bucket, "mood");
const read = (key: string) => parseJson(bucket.objects.get(key)!.bytes, key) as TaskPointer;
/** What a writer of the bucket does. */
const write = (value: object, key = taskKey("mood")): void =>
  void bucket.objects.set(key, { bytes: encodeUtf8(JSON.stringify(value)), etag: `own-${++time}` });
const verified = (keys = [owner.signer.key]) => verifyPointer(bucket, "mood", keys, new Date(time));
const code = (value: string) => expect.objectContaining({ code: value });

describe("a verb with --sign", () => {
  it.each<[string, (first: string) => Promise<unknown>]>([
    ["push", () => push(3)],
    ["rollback", () => rollbackTask(bucket, "mood", undefined, wait, owner)],
    ["canary", (v) => startCanary(bucket, "mood", { version: v, percent: 5 }, wait, owner)],
    [
      "canary --promote",
      async (v) => {
        await startCanary(bucket, "mood", { version: v, percent: 5 }, wait, owner);
        await endCanary(bucket, "mood", { promote: true }, wait, owner);
      },
    ],
    ["unpublish --version", (v) => revokeVersion(bucket, "mood", v, wait, owner)],
  ])("leaves a sealed pointer with a higher serial: %s", async (_, change) => {
    const first = await push(1);
    await push(2);
    const { serial } = await verified();
    await change(first);
    expect((await verified()).serial).toBeGreaterThan(serial);
    const { versions } = await pointer();
    for (const entry of versions) {
      expect(await verifyVersion(bucket, "mood", entry, [owner.signer.key])).toBeTruthy();
    }
  });

  it.each<[string, (first: string) => Promise<unknown>]>([
    ["push", () => publishTask(bucket, version(3), { wait })],
    ["rollback", () => rollbackTask(bucket, "mood", undefined, wait)],
    ["canary", (v) => startCanary(bucket, "mood", { version: v, percent: 5 }, wait)],
    ["unpublish --version", (v) => revokeVersion(bucket, "mood", v, wait)],
  ])("is needed where the pointer is sealed: %s", async (_, change) => {
    const first = await push(1);
    await push(2);
    const before = await pointer();
    await expect(change(first)).rejects.toEqual(code("signature-needed"));
    expect(await pointer()).toEqual(before);
  });

  it("changes nothing when nothing is new, unless the seal has an end", async () => {
    await push(1);
    const before = await pointer();
    await push(1);
    expect(await pointer()).toEqual(before);
    await push(1, { ...owner, goodForMs: 60_000 });
    const renewed = await verified();
    expect(Date.parse(renewed.expires!) - Date.parse(renewed.signed_at)).toBe(60_000);
    await expect(
      verifyPointer(bucket, "mood", [owner.signer.key], new Date(renewed.expires!)),
    ).rejects.toEqual(code("pointer-expired"));
  });

  it("pushes no folder that another key has signed", async () => {
    const folder = version(1);
    await signFolder(folder, (await makeSealing("other")).signer);
    await expect(publishTask(bucket, folder, { wait, sealing: owner })).rejects.toEqual(
      code("signature-key-unknown"),
    );
  });
});

describe("what a writer without a key left", () => {
  it("is repaired by the next push, also where only the signature is broken", async () => {
    await push(1);
    const { seal, ...good } = read(taskKey("mood"));
    const broken = { ...good, seal: { ...seal!, signature: seal!.signature.replace(/^./, "B") } };
    write(broken);
    await expect(verified()).rejects.toEqual(code("signature-invalid"));
    await push(1);
    expect(await verified()).toBeTruthy();
    await push(2);
    expect((await pointer()).versions).toHaveLength(2);
  });

  it("is not signed by a push: versions that were put back, and a revocation that was taken out", async () => {
    const [old, current] = [await push(1), await push(2)];
    await revokeVersion(bucket, "mood", old, wait, owner);
    await verified();
    const { revoked: _, ...rest } = read(taskKey("mood"));
    const entry = { ...rest.versions[0]!, version: old, manifest: `sha256:${old.padEnd(64, "0")}` };
    // The seal does not fit any more, or is gone.
    for (const forged of [rest, { ...rest, seal: null }]) {
      write({ ...forged, current: old, versions: [entry, ...rest.versions] });
      await push(2);
      expect(await pointer()).toMatchObject({ current, versions: [{ version: current }] });
      expect((await pointer()).versions).toHaveLength(1);
    }
  });

  it.each<[string, (first: string) => Promise<unknown>]>([
    ["rollback", () => rollbackTask(bucket, "mood", undefined, wait, owner)],
    ["canary", (v) => startCanary(bucket, "mood", { version: v, percent: 5 }, wait, owner)],
    ["canary --end", () => endCanary(bucket, "mood", {}, wait, owner)],
    ["unpublish --version", (v) => revokeVersion(bucket, "mood", v, wait, owner)],
  ])("is not signed by a change of it: %s", async (_, change) => {
    const first = await push(1);
    await push(2);
    const { seal: _seal, ...stripped } = read(taskKey("mood"));
    write(stripped);
    await expect(change(first)).rejects.toEqual(code("pointer-untrusted"));
    expect(read(taskKey("mood"))).toEqual(stripped);
  });

  it("does not lift the serial beyond what can be written", async () => {
    await push(1);
    const { seal, ...good } = read(taskKey("mood"));
    write({ ...good, seal: { ...seal!, serial: Number.MAX_SAFE_INTEGER } });
    await push(2);
    expect((await verified()).serial).toBeLessThanOrEqual(time);
    const base = inRoot("base");
    await signFolder(base, owner.signer);
    await publishBase(bucket, base, { wait, sealing: owner });
    const pocket = read(baseKey("paper"));
    write({ ...pocket, seal: { ...pocket.seal!, serial: 2 ** 53 - 1 } }, baseKey("paper"));
    await publishBase(bucket, base, { wait, sealing: owner });
    expect(read(baseKey("paper")).seal!.serial).toBeLessThanOrEqual(time);
  });

  it("is found by verify where another task's pointer stands in its place", async () => {
    await push(1);
    write(read(taskKey("mood")), taskKey("twin"));
    await expect(verifyPointer(bucket, "twin", [owner.signer.key], new Date(time))).rejects.toEqual(
      code("pointer-invalid"),
    );
    await expect(rollbackTask(bucket, "twin", undefined, wait, owner)).rejects.toEqual(
      code("pointer-invalid"),
    );
  });
});

describe("a signed base", () => {
  it("is verified from its pointer to each of its files", async () => {
    const [folder, keys] = [inRoot("base"), [owner.signer.key]];
    const verify = () => verifyBase(bucket, "paper", keys, new Date(time));
    await expect(verify()).rejects.toEqual(code("signature-missing"));
    await signFolder(folder, owner.signer);
    await publishBase(bucket, folder, { wait, sealing: owner });
    expect(await verify()).toEqual({ pointer: keys[0]!.id, base: keys[0]!.id });
    const { signature: _, ...unsigned } = read(baseKey("paper")) as object as Record<
      string,
      unknown
    >;
    write(unsigned, baseKey("paper"));
    await expect(verify()).rejects.toEqual(code("signature-invalid"));
    write(read(baseKey("paper")), baseKey("other"));
    await expect(verifyBase(bucket, "other", keys)).rejects.toEqual(code("pointer-invalid"));
  });
});

describe("a new key", () => {
  it("goes on from what an old one has signed where that is named, and begins anew otherwise", async () => {
    const first = await push(1);
    const next = await makeSealing("next");
    const trusted = [owner.signer.key];
    const second = await push(2, { ...next, trusted });
    expect((await pointer()).versions.map((item) => item.version)).toEqual([second, first]);
    await rollbackTask(bucket, "mood", undefined, wait, next);
    expect(await verified([next.signer.key])).toMatchObject({ key: next.signer.key.id });
    const third = await makeSealing("third");
    const newest = await push(3, third);
    expect((await pointer()).versions.map((item) => item.version)).toEqual([newest]);
  });
});

describe("history", () => {
  const line = { name: "mood", action: "push", version: "a", previous: null };
  const lines = async () => readHistory(bucket, "mood", [owner.signer.key]);

  it("tells signed lines from others, and from changed ones", async () => {
    await recordChange(bucket, line, owner, new Date(time));
    await recordChange(bucket, { ...line, action: "rollback" }, undefined, new Date(time + 1));
    const other = await makeSealing("other");
    await recordChange(bucket, { ...line, action: "promote" }, other, new Date(time + 2));
    expect((await lines()).map(({ line: l, isSigned }) => [l?.action, isSigned])).toEqual([
      ["push", true],
      ["rollback", false],
      ["promote", false],
    ]);
    const [key] = [...bucket.objects.keys()].filter((name) => name.startsWith("history/"));
    write({ ...read(key!), action: "nothing" }, key!);
    expect((await lines())[0]).toMatchObject({ isSigned: false });
  });

  it("of another task does not count as its own", async () => {
    await recordChange(bucket, { ...line, name: "twin" }, owner, new Date(time));
    const [key] = [...bucket.objects.keys()].filter((name) => name.startsWith("history/"));
    write(read(key!), "history/mood/2026.json");
    expect(await lines()).toMatchObject([{ isSigned: false }]);
  });

  it("shows the other lines where one cannot be read", async () => {
    await recordChange(bucket, line, owner, new Date(time));
    bucket.objects.set("history/mood/0.json", { bytes: encodeUtf8("{"), etag: "x" });
    expect(await lines()).toMatchObject([
      { key: "history/mood/0.json", line: null, isSigned: false },
      { isSigned: true },
    ]);
  });
});
