/** Manifests: what is read, what is refused, what belongs together. */
import { isDeepStrictEqual } from "node:util";
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { MismatchError } from "../../../../src/core/errors.ts";
import {
  checkFile,
  checkTaskFitsBase,
  checkTaskMatchesBase,
  readBaseManifest,
  readTaskManifest,
  shortIdentity,
} from "../../../../src/core/format/manifest.ts";
import {
  damaged,
  damagedBytes,
  formatError,
  laterFormatError,
  laterFormatErrorOrNull,
} from "../../../support/hostile.ts";
import {
  baseJson,
  configurationJson,
  hex,
  sha256,
  taskJson,
  toBytes,
} from "../../../support/manifests.ts";

const readTask = (changes: Record<string, unknown> = {}) =>
  readTaskManifest(toBytes(taskJson(changes)));
const readBase = (changes: Record<string, unknown> = {}) =>
  readBaseManifest(toBytes(baseJson(changes)), sha256);
/** A base whose configuration differs in one setting. */
const withSetting = (changes: Record<string, unknown>) => ({
  configuration: configurationJson(changes),
});

const nowhere = [null, undefined, [], {}, true, -1, 0.5, 1e300, "", "../x", "x".repeat(1000)];
const file = { sha256: hex("1"), bytes: 1 };
const goodFiles = baseJson()["files"] as Record<string, unknown>;
/** A base that lists one more file: nothing else is wrong with it, so only that file can be refused. */
const withFile = (name: string, ref: unknown) => ({ files: { ...goodFiles, [name]: ref } });

const OTHER = { label: "unknown", similarity: 0.5, spread: 0.05 };

describe("a base's manifest", () => {
  test("is read as it is", async () => {
    expect(await readBase()).toEqual(baseJson());
    const withPooler = withFile("pooler.safetensors", file);
    const { pooler } = await readBase({ pooler: "pooler.safetensors", ...withPooler });
    expect(pooler).toBe("pooler.safetensors");
    expect((await readBase({ pooler: undefined })).pooler).toBeNull();
    expect((await readBase({ builds: {} })).builds).toEqual({});
  });

  test("what is unknown is left out", async () => {
    expect(await readBase({ surprise: 1 })).not.toHaveProperty("surprise");
  });

  test("settings that only a family knows are kept", async () => {
    const changes = { rope_theta: 10_000.5, is_causal: false, window: null, layer_types: "a,b" };
    const { configuration } = await readBase(withSetting(changes));
    expect(configuration).toEqual(configurationJson(changes));
  });

  test("may say how its checkpoint pools, in one of two ways", async () => {
    expect((await readBase({ pooling: "cls" })).pooling).toBe("cls");
    expect((await readBase({ pooling: undefined })).pooling).toBeNull();
    for (const pooling of ["max", "none", "pooler", "", 1, true, {}]) {
      const error = await laterFormatError(() => readBase({ pooling }));
      expect(error.message).toMatch(/"pooling" is .*, expected one of "mean", "cls"/);
    }
  });

  const fields = Object.keys(baseJson()).filter((field) => !["pooler", "pooling"].includes(field));
  test.each(fields)("needs %s", async (field) => {
    const error = await laterFormatError(() => readBase({ [field]: undefined }));
    expect(error.code).toBe("base-manifest-invalid");
    expect(error.message).toMatch(/^base manifest: /);
    expect(error.message).toContain(field);
  });

  test.each(fields)("refuses nonsense as %s", async (field) => {
    // A base may have no builds.
    for (const value of nowhere) {
      if (field === "builds" && isDeepStrictEqual(value, {})) continue;
      const error = await laterFormatError(() => readBase({ [field]: value }));
      expect(error.code).toBe("base-manifest-invalid");
    }
  });

  const settings = Object.keys(configurationJson());
  const optional = ["intermediate_size", "hidden_act", "layer_norm_eps"];
  test.each(settings.filter((name) => !optional.includes(name)))(
    "needs the setting %s",
    async (name) => {
      const error = await laterFormatError(() => readBase(withSetting({ [name]: undefined })));
      expect(error.code).toBe("base-manifest-invalid");
      expect(error.message).toContain(`"configuration": "${name}" is missing`);
    },
  );

  test.each<[string, Record<string, unknown>]>([
    ["the format before this one", { format_version: 1 }],
    ["a format version as text", { format_version: "1" }],
    ["a task's kind", { kind: "task" }],
    ["no layers", withSetting({ num_hidden_layers: 0 })],
    ["too many layers", withSetting({ num_hidden_layers: 97 })],
    ["a padding token that is not in the vocabulary", withSetting({ pad_token_id: 200 })],
    ["too few positions for a token of text", withSetting({ max_position_embeddings: 2 })],
    ["too few positions after the first", withSetting({ first_position: 62 })],
    ["a setting that is a list", withSetting({ layer_types: ["a"] })],
    ["a setting that is a long text", withSetting({ hidden_act: "x".repeat(201) })],
    ["a setting with a name from elsewhere", withSetting({ "a-b": 1 })],
    ["a setting called __proto__", { configuration: { ...configurationJson(), ["__proto__"]: 1 } }],
    ["a build without a form", { builds: { ort: "model.onnx" } }],
    ["a build with a hostile name", { builds: { "ort/../x": "model.onnx" } }],
    ["builds as a list", { builds: ["model.onnx"] }],
    ["no weights", { weights: [] }],
    ["an unknown dtype", { dtype: "int4" }],
    ["a name of Object's prototype", { name: "__proto__" }],
    ["an upper-case hash", { identity: hex("A") }],
    ["a short hash", { checkpoint: "abc" }],
    ["a hash with a line end", { identity: `${hex("a")}\n` }],
    ["a date without a time", { created: "2026-01-01" }],
    ["a graph that is not listed", { builds: { "ort/int8": "other.onnx" } }],
    ["a graph of Object's prototype", { builds: { "ort/int8": "toString" } }],
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
  ])("refuses %s", async (_, changes) => {
    const error = await laterFormatError(() => readBase(changes));
    expect(error.code).toBe("base-manifest-invalid");
  });

  test('a file called "__proto__" is refused and changes nothing', async () => {
    const text = JSON.stringify(baseJson()).replace(
      '"model.onnx":{',
      `"__proto__":${JSON.stringify(file)},"model.onnx":{`,
    );
    const error = await laterFormatError(() => readBaseManifest(toBytes(text), sha256));
    expect(error.message).toContain("__proto__");
    expect(({} as Record<string, unknown>)["sha256"]).toBeUndefined();
  });

  test("a hostile name is cut in the message", async () => {
    for (const changes of [
      { name: "!".repeat(1e5) },
      { files: { ["!".repeat(1e5)]: file } },
      { builds: { ["!".repeat(1e5)]: "model.onnx" } },
      { builds: { "ort/int8": "!".repeat(1e5) } },
      withSetting({ ["!".repeat(1e5)]: 1 }),
      { format_version: "!".repeat(1e5) },
    ]) {
      const { message } = await laterFormatError(() => readBase(changes));
      expect(message.length).toBeLessThan(300);
    }
  });
});

describe("a task's manifest", () => {
  test("is read as it is", () => {
    expect(readTask()).toEqual(taskJson());
    const pair = [{ text: "a", text_pair: "b", label: "positive", score: -3 }];
    expect(readTask({ examples: pair, thresholds: [0, 1] })).toMatchObject({
      examples: pair,
      thresholds: [0, 1],
    });
    expect(
      readTask({
        measured_on: undefined,
        examples: undefined,
        metrics: undefined,
        thresholds: undefined,
        other: undefined,
      }),
    ).toMatchObject({
      measured_on: null,
      examples: [],
      metrics: {},
      thresholds: null,
      other: null,
    });
    expect(readTask({ other: OTHER }).other).toEqual(OTHER);
    expect(readTask({ type: "token", pooling: "none" }).pooling).toBe("none");
  });

  const optional = ["description", "thresholds", "other", "measured_on", "examples", "metrics"];
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
    ["the format before this one", { format_version: 1 }],
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
    ["an other label that is one of the labels", { other: { ...OTHER, label: "positive" } }],
    ["an other label without a name", { other: { ...OTHER, label: "" } }],
    ["an other label without a limit", { other: { ...OTHER, similarity: undefined } }],
    ["a spread of 0", { other: { ...OTHER, spread: 0 } }],
    ["an other label that is no object", { other: "unknown" }],
    ["a temperature of 0", { temperature: 0 }],
    ["too long a prefix", { num_virtual_tokens: 1025 }],
    ["too short a window", { max_length: 2 }],
    ["a base without identity", { base: { name: "tiny" } }],
    ["a base with a hostile name", { base: { name: "../x", identity: hex("a") } }],
    ["a prefix without hash", { prefix: { bytes: 1 } }],
    ["metrics that are no object", { metrics: [1] }],
    ["an engine without a form", { measured_on: "ort" }],
    ["an engine as a number", { measured_on: 1 }],
    ["an example without label", { examples: [{ text: "a", score: 1 }] }],
    ["an example that is no object", { examples: ["a"] }],
    [
      "an example with a pair that is no text",
      { examples: [{ text: "a", text_pair: 1, label: "b", score: 1 }] },
    ],
    [
      "65 examples",
      { examples: Array.from({ length: 65 }, () => ({ text: "a", label: "b", score: 1 })) },
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
  const readers = {
    task: async (bytes: Uint8Array) => readTaskManifest(bytes),
    base: (bytes: Uint8Array) => readBaseManifest(bytes, sha256),
  };
  test.each([
    ["task", taskJson({ thresholds: [0.1, 0.2], other: OTHER }), "task-manifest-invalid"],
    ["base", baseJson(), "base-manifest-invalid"],
  ] as const)("%s", async (kind, good, code) => {
    const bytes = fc.oneof(damaged(good).map(toBytes), damagedBytes(toBytes(good)));
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        const error = await laterFormatErrorOrNull(() => readers[kind](input));
        if (error) expect([code, "json-invalid"]).toContain(error.code);
      }),
      { seed: 21, numRuns: 3000 },
    );
  });
});

const base = await readBase();

describe("what belongs together", () => {
  test("a task and the base it was trained for", () => {
    expect(() => checkTaskMatchesBase(readTask(), base)).not.toThrow();
  });

  test("not another base, even of the same name", async () => {
    const other = await readBase(withSetting({ layer_norm_eps: 1e-5 }));
    expect(() => checkTaskMatchesBase(readTask(), other)).toThrow(MismatchError);
    expect(() => checkTaskMatchesBase(readTask(), other)).toThrow(
      `task "sentiment": was trained for base ${shortIdentity(base)}, this is base ${shortIdentity(other)}`,
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
});

describe("a file", () => {
  test("is what its manifest promises", async () => {
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
