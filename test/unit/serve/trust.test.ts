/**
 * What a writer of the bucket can try with records that are truly signed: put them elsewhere, put them
 * back, write their signature in another way, wait for their end. Keys and signatures are real.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../../../src/core/base64.ts";
import { baseKey, blobKey, taskKey } from "../../../src/core/format/keys.ts";
import type { Sha256 } from "../../../src/core/format/manifest.ts";
import { fromDer, toDer } from "../../../src/core/signing/der.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import { createTaskStore } from "../../../src/serve/task-store.ts";
import { createTrust } from "../../../src/serve/trust.ts";
import type { Trust } from "../../../src/serve/trust.ts";
import { temporaryFolder, writePaperBase } from "../../support/folders.ts";
import { sha256 } from "../../support/manifests.ts";
import { createMemoryStore } from "../../support/memory-store.ts";
import { bundleBy, makeTestKey, sealedBy } from "../../support/signing-keys.ts";
import type { TestKey } from "../../support/signing-keys.ts";
import { makeTinyTask } from "../../support/tiny-task.ts";

const MINUTE = 60_000;
const NOW = Date.parse("2026-06-01T00:00:00Z");
const KEY = taskKey("mood");

const folder = temporaryFolder("trust");
afterAll(() => folder.remove());

let owner: TestKey;
let time = NOW;
beforeAll(async () => {
  owner = await makeTestKey(sha256);
});

function open(keys = owner.setting, hash: Sha256 = sha256): Trust {
  time = NOW;
  const clock = { now: () => time, wait: async () => undefined };
  return createTrust({ keys, since: null, bucket: createMemoryStore(), clock, sha256: hash });
}

const bytesOf = (record: object): Uint8Array => encodeUtf8(JSON.stringify(record));
const sealed = async (record: object, serial = NOW, expires: string | null = null) =>
  bytesOf(await sealedBy(owner, record, serial, expires));
const code = (value: string) => expect.objectContaining({ code: value });

describe("a signed record in another place", () => {
  it.each<[string, object]>([
    ["another task's pointer", { task: "other", current: "a" }],
    ["a base's pointer", { base: "mood", manifest: "a" }],
    ["a line of history", { name: "mood", action: "push", at: "2026-06-01T00:00:00Z" }],
  ])("is no pointer of the task, and does not make the true one look old: %s", async (_, other) => {
    const trust = open();
    await expect(trust.pointer(KEY, await sealed(other, NOW + MINUTE))).rejects.toEqual(
      code("pointer-invalid"),
    );
    expect([...trust.refused]).toEqual([[KEY, "pointer-invalid"]]);
    await trust.pointer(KEY, await sealed({ task: "mood" }));
    expect(trust.refused.size).toBe(0);
  });

  it("is no pointer of a base that has another name", async () => {
    const trust = open();
    const other = await sealed({ base: "large" });
    await expect(trust.pointer(baseKey("pocket"), other)).rejects.toEqual(code("pointer-invalid"));
    await trust.pointer(baseKey("large"), other);
  });
});

describe("a pointer whose signature is written in another way", () => {
  /** r||s and r||(n - s) verify alike; n is the order of P-256 (FIPS 186-5). */
  const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

  function otherForm(signature: string): string {
    const fail = (): never => {
      throw new Error("is base64");
    };
    const raw = fromDer(fromBase64(signature, fail), 32);
    const s = BigInt(`0x${Buffer.from(raw.subarray(32)).toString("hex")}`);
    const other = Buffer.from((ORDER - s).toString(16).padStart(64, "0"), "hex");
    return toBase64(toDer(Uint8Array.from([...raw.subarray(0, 32), ...other])));
  }

  it("is the same pointer", async () => {
    const pointer = await sealedBy(owner, { task: "mood", current: "a" }, NOW);
    const signature = otherForm(pointer.seal.signature);
    expect(signature).not.toBe(pointer.seal.signature);
    const trust = open();
    await trust.pointer(KEY, bytesOf({ ...pointer, seal: { ...pointer.seal, signature } }));
    await trust.pointer(KEY, bytesOf(pointer));
  });

  it("is another one where its content is another, though its serial is the same", async () => {
    const trust = open();
    await trust.pointer(KEY, await sealed({ task: "mood", current: "a" }));
    const other = await sealed({ task: "mood", current: "b" });
    await expect(trust.pointer(KEY, other)).rejects.toEqual(code("pointer-replayed"));
  });
});

describe("time", () => {
  it("ends a pointer that is unchanged, and a newer one ends that", async () => {
    const trust = open();
    await trust.pointer(
      KEY,
      await sealed({ task: "mood" }, NOW, new Date(NOW + MINUTE).toISOString()),
    );
    trust.again(KEY);
    time = NOW + MINUTE;
    expect(() => trust.again(KEY)).toThrow(code("pointer-expired"));
    expect([...trust.refused]).toEqual([[KEY, "pointer-expired"]]);
    await trust.pointer(KEY, await sealed({ task: "mood" }, NOW + MINUTE));
    expect(trust.refused.size).toBe(0);
  });

  it("that runs backwards brings no old pointer back", async () => {
    const trust = open();
    await trust.pointer(KEY, await sealed({ task: "mood", current: "b" }, NOW + 2 * MINUTE));
    time = NOW - 10 * MINUTE;
    const old = await sealed({ task: "mood", current: "a" }, NOW);
    await expect(trust.pointer(KEY, old)).rejects.toEqual(code("pointer-replayed"));
  });
});

describe("keys", () => {
  it("change with an overlap: what either has signed is believed while both are trusted", async () => {
    const next = await makeTestKey(sha256);
    const both = open(`${owner.setting},${next.setting}`);
    const byNext = bytesOf(await sealedBy(next, { task: "mood", current: "b" }, NOW + MINUTE));
    await both.pointer(KEY, await sealed({ task: "mood", current: "a" }));
    await both.pointer(KEY, byNext);
    // Afterwards the old key is no longer trusted.
    const afterwards = open(next.setting);
    await afterwards.pointer(KEY, byNext);
    await expect(
      afterwards.pointer(KEY, await sealed({ task: "mood" }, NOW + 2 * MINUTE)),
    ).rejects.toEqual(code("signature-key-unknown"));
  });

  it("are read by a second request though the first ended while it read them", async () => {
    let calls = 0;
    // What a request that has ended awaits never settles.
    const lost: Sha256 = (bytes) => (calls++ === 0 ? new Promise(() => undefined) : sha256(bytes));
    const trust = open(owner.setting, lost);
    const pointer = await sealed({ task: "mood" });
    void trust.pointer(KEY, pointer);
    await expect(trust.pointer(KEY, pointer)).resolves.toBeUndefined();
  });
});

describe("the first requests of an isolate", () => {
  it("are all answered though a push comes between them", async () => {
    const bucket = createMemoryStore();
    const base = await writePaperBase(folder.path);
    const put = async (seed: number) => {
      const { version, ...made } = await makeTinyTask(base, { task: "mood", seed }, sha256);
      const { manifest, manifestSha256 } = made;
      const files = new Map([
        ["manifest.json", manifestSha256],
        ["prefix.safetensors", manifest.prefix.sha256],
      ]);
      const bundle = await bundleBy(owner, files, sha256);
      const signature = await sha256(bundle);
      bucket.put(blobKey(signature), bundle);
      bucket.put(blobKey(manifestSha256), made.manifestBytes);
      bucket.put(blobKey(manifest.prefix.sha256), made.prefixBytes);
      const listed = { version, manifest: `sha256:${manifestSha256}`, created: manifest.created };
      const versions = [{ ...listed, signature: `sha256:${signature}` }];
      const pointer = { task: "mood", current: version, versions, canary: null };
      bucket.put(KEY, await sealed(pointer, NOW + seed));
      return version;
    };
    // The first request has read the old pointer, and is told so only after the second.
    const gate = { open: (): void => undefined };
    const opened = new Promise<void>((resolve) => (gate.open = resolve));
    let reads = 0;
    const slow = {
      ...bucket,
      get: async (...args: Parameters<typeof bucket.get>) => {
        const isFirst = reads++ === 0;
        const object = await bucket.get(...args);
        if (isFirst) await opened;
        return object;
      },
    };
    const clock = { now: () => time, wait: async () => undefined };
    const host = { bucket: slow, clock, sha256 };
    const trust = createTrust({ ...host, keys: owner.setting, since: null });
    const ages = { freshMs: 500, maxLagMs: 500, maxStaleMs: MINUTE };
    const store = createTaskStore({ ...host, ...ages, cacheBytes: 1_000_000, trust });
    const ask = () => store.get("mood", base, { hold: () => undefined });
    await put(1);
    const first = ask();
    const version = await put(2);
    expect((await ask()).task.version).toBe(version);
    gate.open();
    expect((await first).task.version).toBe(version);
  });
});
