/**
 * The command line of signing, from `key --signing` to `history --public-key`: what the verbs write,
 * print and return. Keys, signatures and folders are real; the bucket is in memory behind the S3
 * protocol. What a writer of the bucket can do below the verbs is in test/unit/publish/signed.test.ts.
 */
import { appendFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { sha256 } from "../../../scripts/node/hash.ts";
import { taskKey } from "../../../src/core/format/keys.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import type { TaskPointer } from "../../../src/core/format/pointer.ts";
import { readPublicKeys } from "../../../src/core/signing/keys.ts";
import { encodeUtf8, parseJson } from "../../../src/core/text.ts";
import { temporaryFolder, writeTaskFolder } from "../../support/folders.ts";
import { startMemoryS3 } from "../../support/memory-s3.ts";
import type { MemoryS3 } from "../../support/memory-s3.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { asText, runVerb } from "../../support/verb.ts";

const START = Date.parse("2026-06-01T00:00:00Z");
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

const root = temporaryFolder("signing");
const inRoot = (...path: string[]): string => join(root.path, ...path);
const secret = (name: string): string => inRoot(`${name}.key.pem`);
const open = (name: string): string => inRoot(`${name}.pub.pem`);
let folders = 0;
let base: BaseManifest;
let s3: MemoryS3;

/** Runs a verb and expects its exit code. */
async function run(code: number, ...args: readonly string[]) {
  const result = await runVerb(...args);
  expect(result.code, [...args, ...result.err, ...result.out].join("\n")).toBe(code);
  return asText(result);
}

/** The same against the bucket, one second after the verb before. */
function inBucket(code: number, ...args: readonly string[]) {
  vi.setSystemTime(Date.now() + SECOND_MS);
  return run(code, ...args, ...s3.options);
}

/** JSON lines that a verb printed. */
const linesOf = ({ out }: { out: string }): unknown[] =>
  out.split("\n").map((line) => JSON.parse(line) as unknown);

/** Writes a folder of task "mood" and returns its path. */
function task(seed = 1): string {
  const folder = inRoot(`mood-${seed}-${++folders}`);
  writeTaskFolder(folder, base, { seed });
  return folder;
}

/** Pushes a version of "mood"; returns the version. */
async function push(seed: number, ...options: readonly string[]): Promise<string> {
  const [line] = linesOf(await inBucket(0, "push", task(seed), "--json", ...options));
  return (line as { version: string }).version;
}

const pointer = () =>
  parseJson(s3.bucket.objects.get(taskKey("mood"))!.bytes, "pointer") as TaskPointer;
const idOf = async (name: string): Promise<string> =>
  (await readPublicKeys(readFileSync(open(name), "utf8"), sha256, name))[0]!.id;
const snapshot = () => [...s3.bucket.objects].map(([key, { etag }]) => `${key} ${etag}`);

/** The lines of `verify --public-key`, and how they end: "ok" or the code of the error. */
async function verified(code: number, subject: string, file: string, ...more: readonly string[]) {
  const lines = linesOf(
    await inBucket(code, "verify", subject, "--public-key", file, "--json", ...more),
  ) as { name: string; ok: boolean; code?: string; key?: string }[];
  return lines.map((line) => [line.name, line.code ?? line.key]);
}

beforeAll(async () => {
  // Small, but whole: push answers a text by it.
  const options = { dtype: "int8", seed: 1, name: "tiny" } as const;
  base = (await writeTinyBase(inRoot("base"), options)).manifest;
  for (const name of ["owner", "next"]) await run(0, "key", inRoot(name), "--signing");
  writeFileSync(inRoot("both.pem"), ["owner", "next"].map((n) => readFileSync(open(n))).join(""));
});
afterAll(() => root.remove());

describe("key --signing", () => {
  it("writes a pair whose secret half only its owner reads, and prints the setting of the Worker", async () => {
    const result = await run(0, "key", inRoot("release"), "--signing", "--json");
    const [printed] = linesOf(result) as { id: string; trusted_key: string }[];
    expect(printed).toMatchObject({ private: secret("release"), public: open("release") });
    expect(statSync(secret("release")).mode & 0o777).toBe(0o600);
    const setting = await readPublicKeys(printed!.trusted_key, sha256, "TRUSTED_KEYS");
    const file = await readPublicKeys(readFileSync(open("release"), "utf8"), sha256, "file");
    expect(setting).toEqual(file);
    expect(setting).toMatchObject([{ id: printed!.id, curve: "P-256" }]);
    const body = readFileSync(secret("release"), "utf8").split("\n")[1]!;
    expect(result.out + result.err).not.toContain(body);
  });

  it("makes a key on the curve that is named, and on no other than those of the list", async () => {
    await run(0, "key", inRoot("wide"), "--signing", "--curve", "P-384");
    const keys = await readPublicKeys(readFileSync(open("wide"), "utf8"), sha256, "wide");
    expect(keys).toMatchObject([{ curve: "P-384" }]);
    expect((await run(2, "key", inRoot("x"), "--signing", "--curve", "P-1")).err).toContain(
      "--curve",
    );
  });

  it.each([
    ["secret", secret, open],
    ["public", open, secret],
  ])("replaces no %s half, and writes the other half neither", async (name, there, other) => {
    const pair = `taken-${name}`;
    writeFileSync(there(pair), "mine");
    const { err } = await run(1, "key", inRoot(pair), "--signing");
    expect(err).toContain("[key-exists]");
    expect(readFileSync(there(pair), "utf8")).toBe("mine");
    expect(existsSync(other(pair))).toBe(false);
  });
});

describe("sign", () => {
  it("signs task and base folders, which verify --public-key then names by their key", async () => {
    const id = await idOf("owner");
    const dirs = [task(), inRoot("base")];
    const signed = await run(0, "sign", ...dirs, "--key", secret("owner"), "--json");
    expect(linesOf(signed)).toEqual(dirs.map((folder) => ({ folder, file: "model.sig", key: id })));
    for (const dir of dirs) {
      const { out } = await run(0, "verify", dir, "--public-key", open("owner"));
      expect(out).toBe(`${dir}: signed by key ${id.slice(0, 12)}`);
    }
  });

  it.each<[string, string, (folder: string) => void]>([
    ["that has no model.sig", "signature-missing", (dir) => rmSync(join(dir, "model.sig"))],
    [
      "whose prefix was changed",
      "signature-mismatch",
      (dir) => appendFileSync(join(dir, "prefix.safetensors"), "x"),
    ],
    [
      "whose manifest was changed",
      "signature-mismatch",
      (dir) => appendFileSync(join(dir, "manifest.json"), "\n"),
    ],
    [
      "whose model.sig is no bundle",
      "signature-invalid",
      (dir) => writeFileSync(join(dir, "model.sig"), "{}"),
    ],
  ])("is found missing or wrong by verify in a folder %s", async (_, code, spoil) => {
    const folder = task();
    await run(0, "sign", folder, "--key", secret("owner"));
    spoil(folder);
    const { out } = await run(1, "verify", folder, "--public-key", open("owner"));
    expect(out).toContain(`${folder}: error [${code}]: `);
  });

  it("of another key does not count", async () => {
    const folder = task();
    await run(0, "sign", folder, "--key", secret("next"));
    const { out } = await run(1, "verify", folder, "--public-key", open("owner"));
    expect(out).toContain("error [signature-key-unknown]: ");
  });

  it.each<[string, number, () => string[], string]>([
    ["no folder", 2, () => ["sign", "--key", secret("owner")], "at least one folder"],
    ["no key", 2, () => ["sign", task()], "--key KEY"],
    [
      "a folder without a task",
      1,
      () => ["sign", root.path, "--key", secret("owner")],
      "[task-folder-not-found]",
    ],
    ["a public key", 1, () => ["sign", task(), "--key", open("owner")], "[signing-key-invalid]"],
    ["no such file", 1, () => ["sign", task(), "--key", "none"], "[signing-key-invalid]"],
    [
      "verify and a secret key",
      1,
      () => ["verify", task(), "--public-key", secret("owner")],
      "[public-key-invalid]",
    ],
    ["push, an end and no key", 2, () => ["push", task(), "--expires-in", "1"], "needs --sign"],
    [
      "push, a public key and no secret one",
      2,
      () => ["push", task(), "--public-key", open("owner")],
      "needs --sign",
    ],
  ])("is refused with %s, and no message has the secret", async (_, code, args, message) => {
    const { out, err } = await run(code, ...args());
    expect(err).toContain(message);
    expect(out + err).not.toContain(readFileSync(secret("owner"), "utf8").split("\n")[1]);
  });
});

describe("in the bucket", () => {
  /** The objects of the signed base: each test begins with them. */
  let ofBase: MemoryS3["bucket"]["objects"];
  // Only Date stands still: seals and lines of history carry times, and a seal may end.
  const stopClock = (now: number): unknown => vi.useFakeTimers({ toFake: ["Date"], now });
  beforeAll(async () => {
    s3 = await startMemoryS3();
    for (const [name, value] of Object.entries(s3.environment)) vi.stubEnv(name, value);
    stopClock(START - SECOND_MS);
    await inBucket(0, "push", "--base", inRoot("base"), "--sign", secret("owner"));
    ofBase = new Map(s3.bucket.objects);
  });
  beforeEach(() => {
    stopClock(START);
    s3.bucket.objects.clear();
    for (const [key, object] of ofBase) s3.bucket.objects.set(key, object);
  });
  afterAll(async () => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
    await s3.stop();
  });
  const owner = ["--sign", secret("owner")];
  const next = ["--sign", secret("next")];

  it("what push --sign wrote is verified: the base, the pointer and each version", async () => {
    const id = await idOf("owner");
    const [first, second] = [await push(1, ...owner), await push(2, ...owner)];
    expect(await verified(0, "base:tiny", open("owner"))).toEqual([["base tiny", id]]);
    expect(await verified(0, "mood", open("owner"))).toEqual([
      ["mood pointer", id],
      [`mood ${second}`, id],
      [`mood ${first}`, id],
    ]);
    const one = await verified(0, "mood", open("owner"), "--version", first.slice(0, 6));
    expect(one).toEqual([
      ["mood pointer", id],
      [`mood ${first}`, id],
    ]);
  });

  it("push --sign --dry-run goes all the way of a push that signs, and writes nothing", async () => {
    const [folder, before] = [task(), snapshot()];
    const dryRun = async () =>
      linesOf(await inBucket(0, "push", folder, ...owner, "--dry-run", "--json"));
    // Prefix, manifest and the signature that the push would make.
    const would = { dry_run: true, changed: true, uploaded: 3 };
    expect(await dryRun()).toMatchObject([would]);
    expect(existsSync(join(folder, "model.sig"))).toBe(false);
    // A signature by another key is one that the push would replace.
    await run(0, "sign", folder, "--key", secret("next"));
    const foreign = readFileSync(join(folder, "model.sig"));
    expect(await dryRun()).toMatchObject([would]);
    expect(readFileSync(join(folder, "model.sig"))).toEqual(foreign);
    expect(snapshot()).toEqual(before);
  });

  it("what was pushed without a key is told as missing by its code", async () => {
    const version = await push(1);
    expect(await verified(1, "mood", open("owner"))).toEqual([
      ["mood pointer", "signature-missing"],
      [`mood ${version}`, "signature-missing"],
    ]);
  });

  it("what was changed after it was signed is told as wrong, and by another key as unknown", async () => {
    const id = await idOf("owner");
    const [first, second] = [await push(1, ...owner), await push(2, ...owner)];
    const versions = [`mood ${second}`, `mood ${first}`];
    expect(await verified(1, "mood", open("next"))).toEqual(
      ["mood pointer", ...versions].map((name) => [name, "signature-key-unknown"]),
    );
    const bytes = encodeUtf8(JSON.stringify({ ...pointer(), current: first }));
    s3.bucket.objects.set(taskKey("mood"), { bytes, etag: "of another writer" });
    expect(await verified(1, "mood", open("owner"))).toEqual([
      ["mood pointer", "signature-invalid"],
      ...versions.map((name) => [name, id]),
    ]);
  });

  it("a pointer with an end is believed until then, and a push of the same folder renews it", async () => {
    const id = await idOf("owner");
    const version = await push(1, ...owner, "--expires-in", "1");
    expect((await verified(0, "mood", open("owner")))[0]).toEqual(["mood pointer", id]);
    vi.setSystemTime(START + 2 * DAY_MS);
    expect(await verified(1, "mood", open("owner"))).toEqual([
      ["mood pointer", "pointer-expired"],
      [`mood ${version}`, id],
    ]);
    await push(1, ...owner, "--expires-in", "1");
    await verified(0, "mood", open("owner"));
  });

  describe("rollback", () => {
    it("with the key leaves a pointer that verify accepts", async () => {
      const id = await idOf("owner");
      const [first, second] = [await push(1, ...owner), await push(2, ...owner)];
      const { out } = await inBucket(0, "rollback", "mood", ...owner);
      expect(out).toBe(`mood ${first}: current again, was ${second}`);
      expect(pointer()).toMatchObject({ current: first, seal: { key: id } });
      expect((await verified(0, "mood", open("owner")))[0]).toEqual(["mood pointer", id]);
    });

    it.each<[string, string, string[]]>([
      ["without a key", "signature-needed", []],
      ["with another key", "pointer-untrusted", next],
    ])("%s is refused by code, and writes no pointer and no history", async (_, code, options) => {
      await push(1, ...owner);
      await push(2, ...owner);
      const before = snapshot();
      expect((await inBucket(1, "rollback", "mood", ...options)).err).toContain(`[${code}]`);
      expect(snapshot()).toEqual(before);
    });
  });

  describe("a key that rotates", () => {
    it("keeps the versions of the old one where that is named, verified while both are trusted", async () => {
      const [old, id] = [await idOf("owner"), await idOf("next")];
      const first = await push(1, ...owner);
      const second = await push(2, ...next, "--public-key", open("owner"));
      expect(await verified(0, "mood", inRoot("both.pem"))).toEqual([
        ["mood pointer", id],
        [`mood ${second}`, id],
        [`mood ${first}`, old],
      ]);
      expect(await verified(1, "mood", open("next"))).toEqual([
        ["mood pointer", id],
        [`mood ${second}`, id],
        [`mood ${first}`, "signature-key-unknown"],
      ]);
      expect((await inBucket(1, "rollback", "mood", ...owner)).err).toContain(
        "[pointer-untrusted]",
      );
    });

    it("begins a new list where the old one is not named, and says how many it left out", async () => {
      await push(1, ...owner);
      await push(2, ...owner);
      const { err } = await inBucket(0, "push", task(3), ...next);
      expect(err).toContain("2 of its versions are left out (--public-key FILE");
      expect(pointer().versions).toHaveLength(1);
      await verified(0, "mood", open("next"));
    });
  });

  describe("history", () => {
    /** The base is pushed at START, and each verb of a test one second after the one before. */
    const at = (verb: number): string => new Date(START + verb * SECOND_MS).toISOString();

    it("tells when, what, by which key and from where, oldest first", async () => {
      const by = `key ${(await idOf("owner")).slice(0, 12)}`;
      const [first, second] = [await push(1, ...owner), await push(2, ...owner)];
      await inBucket(0, "rollback", "mood", ...owner);
      await inBucket(0, "rollback", "mood", "--to", first, ...owner); // changes nothing: no line
      await inBucket(0, "unpublish", "mood", "--version", second, ...owner);
      const { out } = await inBucket(0, "history", "mood", "--public-key", open("owner"));
      const lines = out.split("\n");
      expect(lines.map((line) => line.split("  ").slice(0, -1))).toEqual([
        [at(1), "push", first, `${by}, verified`],
        [at(2), "push", `${second} (was ${first})`, `${by}, verified`],
        [at(3), "rollback", `${first} (was ${second})`, `${by}, verified`],
        [at(5), `revoke ${second}`, `${first} (was ${first})`, `${by}, verified`],
      ]);
      for (const text of lines) expect(text.endsWith(hostname())).toBe(true);
      const [line] = linesOf(await inBucket(0, "history", "base:tiny", "--json"));
      expect(line).toMatchObject({ name: "base:tiny", action: "push", at: at(0), signed: null });
    });

    it("without --public-key names the keys and judges none", async () => {
      await push(1);
      await push(2, ...owner);
      const { out } = await inBucket(0, "history", "mood");
      expect(out).not.toMatch(/verified/i);
      const by = out.split("\n").map((line) => line.split("  ")[3]);
      expect(by).toEqual(["no key", `key ${(await idOf("owner")).slice(0, 12)}`]);
    });

    it("ends with exit code 1 where a line has no key, or another one", async () => {
      await push(1);
      await push(2, ...owner);
      await push(3, ...next, "--public-key", open("owner"));
      const { out } = await inBucket(1, "history", "mood", "--public-key", open("owner"));
      expect(out.split("\n").map((line) => line.split(", ")[1]?.split("  ")[0])).toEqual([
        "NOT VERIFIED",
        "verified",
        "NOT VERIFIED",
      ]);
      await inBucket(1, "history", "mood", "--public-key", inRoot("both.pem"));
    });

    it("of a task without any says so, and prints nothing on standard output", async () => {
      const { out, err } = await inBucket(0, "history", "mood");
      expect([out, err]).toEqual(["", "mood: no change was recorded"]);
    });
  });
});
