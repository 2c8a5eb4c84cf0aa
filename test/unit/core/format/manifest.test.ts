/** Manifests: what is read, what is refused, what belongs together. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MismatchError } from "../../../../src/core/errors.ts";
import {
  baseIdentity,
  checkFile,
  checkTaskFitsBase,
  checkTaskMatchesBase,
  readBaseManifest,
  readTaskManifest,
  shortIdentity,
} from "../../../../src/core/format/manifest.ts";
import { damaged, damagedBytes, formatError, formatErrorOrNull } from "../../../support/hostile.ts";
import { baseJson, hex, sha256, taskJson, toBytes } from "../../../support/manifests.ts";

const readTask = (changes: Record<string, unknown> = {}) =>
  readTaskManifest(toBytes(taskJson(changes)));
const readBase = (changes: Record<string, unknown> = {}) =>
  readBaseManifest(toBytes(baseJson(changes)));

const nowhere = [null, undefined, [], {}, true, -1, 0.5, 1e300, "", "../x", "x".repeat(1000)];
const file = { sha256: hex("1"), bytes: 1 };
const goodFiles = baseJson()["files"] as Record<string, unknown>;
/** A base that lists one more file: nothing else is wrong with it, so only that file can be refused. */
const withFile = (name: string, ref: unknown) => ({ files: { ...goodFiles, [name]: ref } });

describe("a base's manifest", () => {
  test("is read as it is", () => {
    expect(readBase()).toEqual(baseJson());
    const withPooler = withFile("pooler.safetensors", file);
    expect(readBase({ pooler: "pooler.safetensors", ...withPooler }).pooler).toBe(
      "pooler.safetensors",
    );
    expect(readBase({ pooler: undefined }).pooler).toBeNull();
  });

  test("what is unknown is left out", () => {
    expect(readBase({ surprise: 1 })).not.toHaveProperty("surprise");
  });

  const fields = Object.keys(baseJson()).filter((field) => field !== "pooler");
  test.each(fields)("needs %s", (field) => {
    const error = formatError(() => readBase({ [field]: undefined }));
    expect(error.code).toBe("base-manifest-invalid");
    expect(error.message).toMatch(/^base manifest: /);
    expect(error.message).toContain(field);
  });

  test.each(fields.filter((field) => !["model_type", "weights"].includes(field)))(
    "refuses nonsense as %s",
    (field) => {
      for (const value of nowhere) {
        expect(formatError(() => readBase({ [field]: value })).code).toBe("base-manifest-invalid");
      }
    },
  );

  test.each<[string, Record<string, unknown>]>([
    ["another format version", { format_version: 2 }],
    ["a format version as text", { format_version: "1" }],
    ["a task's kind", { kind: "task" }],
    ["no layers", { num_hidden_layers: 0 }],
    ["too many layers", { num_hidden_layers: 97 }],
    ["a padding token that is not in the vocabulary", { vocab_size: 200, pad_token_id: 200 }],
    ["an unknown dtype", { dtype: "int4" }],
    ["a name of Object's prototype", { name: "__proto__" }],
    ["an upper-case hash", { identity: hex("A") }],
    ["a short hash", { checkpoint: "abc" }],
    ["a hash with a line end", { identity: `${hex("a")}\n` }],
    ["a date without a time", { created: "2026-01-01" }],
    ["a graph that is not listed", { graph: "other.onnx" }],
    ["a graph of Object's prototype", { graph: "toString" }],
    ["a tokenizer that is not listed", { tokenizer: "t.json" }],
    ["a pooler that is not listed", { pooler: "pooler.safetensors" }],
    ["weights that are not listed", { weights: ["weights-9.safetensors"] }],
    ["weights that are no list", { weights: "weights-0.safetensors" }],
    ["weights inside a list", { weights: [["weights-0.safetensors"]] }],
    ["files as a list", { files: [file] }],
    ["a file outside the folder", withFile("../model.onnx", file)],
    ["a file in a folder", withFile("a/b", file)],
    ["a hidden file", withFile(".env", file)],
    ["a file with an empty name", withFile("", file)],
    ["a file with a NUL", withFile("a\0", file)],
    ["a file without a hash", withFile("a", { bytes: 1 })],
    ["a file of negative size", withFile("a", { ...file, bytes: -1 })],
    ["a file of more than 4 GB", withFile("a", { ...file, bytes: 2 ** 32 + 1 })],
    [
      "65 files",
      {
        files: {
          ...goodFiles,
          ...Object.fromEntries(Array.from({ length: 62 }, (_, i) => [`f${i}`, file])),
        },
      },
    ],
  ])("refuses %s", (_, changes) => {
    expect(formatError(() => readBase(changes)).code).toBe("base-manifest-invalid");
  });

  test('a file called "__proto__" is refused and changes nothing', () => {
    const text = JSON.stringify(baseJson()).replace(
      '"model.onnx":{',
      `"__proto__":${JSON.stringify(file)},"model.onnx":{`,
    );
    expect(formatError(() => readBaseManifest(toBytes(text))).message).toContain("__proto__");
    expect(({} as Record<string, unknown>)["sha256"]).toBeUndefined();
  });

  test("a hostile name is cut in the message", () => {
    for (const changes of [
      { name: "!".repeat(1e5) },
      { files: { ["!".repeat(1e5)]: file } },
      { graph: "!".repeat(1e5) },
      { format_version: "!".repeat(1e5) },
    ]) {
      expect(formatError(() => readBase(changes)).message.length).toBeLessThan(300);
    }
  });
});

describe("a task's manifest", () => {
  test("is read as it is", () => {
    expect(readTask()).toEqual(taskJson());
    const pair = [{ text: "a", text_pair: "b", label: "positive", score: -3 }];
    expect(readTask({ canary: pair, thresholds: [0, 1] })).toMatchObject({
      canary: pair,
      thresholds: [0, 1],
    });
    expect(
      readTask({ canary: undefined, metrics: undefined, thresholds: undefined }),
    ).toMatchObject({
      canary: [],
      metrics: {},
      thresholds: null,
    });
    expect(readTask({ type: "token", pooling: "none" }).pooling).toBe("none");
  });

  const optional = ["thresholds", "canary", "metrics"];
  const fields = Object.keys(taskJson());
  test.each(fields.filter((field) => !optional.includes(field)))("needs %s", (field) => {
    const error = formatError(() => readTask({ [field]: undefined }));
    expect(error.code).toBe("task-manifest-invalid");
    expect(error.message).toContain(field);
  });

  test.each(fields.filter((field) => !optional.includes(field)))(
    "refuses nonsense as %s",
    (field) => {
      for (const value of nowhere) {
        if (field === "temperature" && value === 0.5) continue;
        expect(formatError(() => readTask({ [field]: value })).code).toBe("task-manifest-invalid");
      }
    },
  );

  test.each<[string, Record<string, unknown>]>([
    ["another format version", { format_version: 0 }],
    ["a base's kind", { kind: "base" }],
    ["an unknown type", { type: "generation" }],
    ["an unknown problem type", { problem_type: "ranking" }],
    ["no labels", { labels: [] }],
    ["an empty label", { labels: ["a", ""] }],
    ["a label twice", { labels: ["a", "a"] }],
    ["a label that is no text", { labels: ["a", 1] }],
    ["too many labels", { labels: Array.from({ length: 10_001 }, (_, i) => `l${i}`) }],
    ["pooling for a token task", { type: "token", pooling: "cls" }],
    ["no pooling for a sequence task", { type: "sequence", pooling: "none" }],
    ["thresholds that do not match the labels", { thresholds: [0.5] }],
    ["a threshold above 1", { thresholds: [0.5, 1.5] }],
    ["a threshold as text", { thresholds: [0.5, "0.5"] }],
    ["thresholds that are no list", { thresholds: 0.5 }],
    ["a temperature of 0", { temperature: 0 }],
    ["too long a prefix", { num_virtual_tokens: 1025 }],
    ["too short a window", { max_length: 2 }],
    ["a base without identity", { base: { name: "tiny" } }],
    ["a base with a hostile name", { base: { name: "../x", identity: hex("a") } }],
    ["a prefix without hash", { prefix: { bytes: 1 } }],
    ["metrics that are no object", { metrics: [1] }],
    ["a canary without label", { canary: [{ text: "a", score: 1 }] }],
    ["a canary that is no object", { canary: ["a"] }],
    [
      "a canary with a pair that is no text",
      { canary: [{ text: "a", text_pair: 1, label: "b", score: 1 }] },
    ],
    [
      "65 canaries",
      { canary: Array.from({ length: 65 }, () => ({ text: "a", label: "b", score: 1 })) },
    ],
  ])("refuses %s", (_, changes) => {
    expect(formatError(() => readTask(changes)).code).toBe("task-manifest-invalid");
  });

  test("metrics with hostile names stay data", () => {
    const text = JSON.stringify(taskJson()).replace(
      '"metrics":{',
      '"metrics":{"__proto__":{"x":1},',
    );
    const { metrics } = readTaskManifest(toBytes(text));
    expect(Object.keys(metrics)).toContain("__proto__");
    expect((metrics as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test("metrics nested without end are refused", () => {
    const text = JSON.stringify(taskJson()).replace(
      '"metrics":{',
      `"metrics":{"deep":${"[".repeat(50_000)}${"]".repeat(50_000)},`,
    );
    expect(formatError(() => readTaskManifest(toBytes(text))).code).toBe("json-invalid");
  });
});

describe("seeded fuzz: a manifest or a FormatError, nothing else", () => {
  test.each([
    ["task", taskJson({ thresholds: [0.1, 0.2] }), readTaskManifest, "task-manifest-invalid"],
    ["base", baseJson(), readBaseManifest, "base-manifest-invalid"],
  ] as const)("%s", (_, good, read, code) => {
    const bytes = fc.oneof(damaged(good).map(toBytes), damagedBytes(toBytes(good)));
    fc.assert(
      fc.property(bytes, (input) => {
        const error = formatErrorOrNull(() => read(input));
        if (error) expect([code, "json-invalid"]).toContain(error.code);
      }),
      { seed: 21, numRuns: 3000 },
    );
  });
});

describe("what belongs together", () => {
  const base = readBase();

  test("a task and the base it was trained for", () => {
    expect(() => checkTaskMatchesBase(readTask(), base)).not.toThrow();
  });

  test("not another base, even of the same name", () => {
    const other = readBase({ identity: hex("9") });
    expect(() => checkTaskMatchesBase(readTask(), other)).toThrow(MismatchError);
    expect(() => checkTaskMatchesBase(readTask(), other)).toThrow(
      'task "sentiment": was trained for base tiny@aaaaaaaaaaaa, this is base tiny@999999999999',
    );
    expect(() => checkTaskFitsBase(readTask(), other)).not.toThrow();
  });

  test("max_length shrinks by the position offset", () => {
    expect(() =>
      checkTaskFitsBase(readTask({ position_offset: 0, max_length: 64 }), base),
    ).not.toThrow();
    expect(() =>
      checkTaskFitsBase(readTask({ position_offset: 8, max_length: 56 }), base),
    ).not.toThrow();
    for (const changes of [
      { position_offset: 8, max_length: 57 },
      { max_length: 65 },
      { position_offset: 100 },
    ]) {
      expect(() => checkTaskMatchesBase(readTask(changes), base)).toThrow(
        expect.objectContaining({ name: "MismatchError", code: "prefix-base-mismatch" }),
      );
    }
  });

  test("pooling by pooler needs one", () => {
    expect(() => checkTaskFitsBase(readTask({ pooling: "pooler" }), base)).toThrow("has no pooler");
  });

  test("a base is named by the names and hashes of its files, in any order", async () => {
    const { files } = base;
    const identity = await baseIdentity(files, sha256);
    expect(identity).toMatch(/^[0-9a-f]{64}$/);
    const reversed = Object.fromEntries(Object.entries(files).toReversed());
    expect(await baseIdentity(reversed, sha256)).toBe(identity);
    const renamed = Object.fromEntries(
      Object.entries(files).map(([name, ref]) => [`x${name}`, ref]),
    );
    expect(await baseIdentity(renamed, sha256)).not.toBe(identity);
    const changed = { ...files, "model.onnx": { ...files["model.onnx"]!, sha256: hex("8") } };
    expect(await baseIdentity(changed, sha256)).not.toBe(identity);
    expect(shortIdentity(base)).toBe("tiny@aaaaaaaaaaaa");
  });

  test("a file is what its manifest promises", async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const good = { sha256: await sha256(bytes), bytes: 3 };
    await expect(checkFile("f", bytes, good, sha256)).resolves.toBeUndefined();
    await expect(checkFile("f", bytes, { ...good, bytes: 4 }, sha256)).rejects.toThrow(
      "f: is 3 bytes long, its manifest says 4",
    );
    await expect(checkFile("f", Uint8Array.of(1, 2, 4), good, sha256)).rejects.toMatchObject({
      name: "FormatError",
      code: "file-hash-mismatch",
    });
  });
});
