/** The identity of a base: what changes it, what does not, and what its tasks then do. */
import { describe, expect, test } from "vitest";
import {
  baseIdentity,
  buildFile,
  checkTaskMatchesBase,
  readBaseManifest,
  readTaskManifest,
  shortIdentity,
} from "../../../../src/core/format/manifest.ts";
import { formatError, laterFormatError } from "../../../support/hostile.ts";
import {
  BASE_IDENTITY,
  baseJson,
  configurationJson,
  hex,
  sha256,
  taskJson,
  toBytes,
} from "../../../support/manifests.ts";

const readTask = () => readTaskManifest(toBytes(taskJson()));
const readBase = (changes: Record<string, unknown> = {}) =>
  readBaseManifest(toBytes(baseJson(changes)), sha256);
/** A base whose configuration differs in one setting. */
const withSetting = (changes: Record<string, unknown>) => ({
  configuration: configurationJson(changes),
});
const base = await readBase();

describe("the identity of a base", () => {
  const refs = base.files;
  const withHash = (name: string) => ({
    files: { ...refs, [name]: { ...refs[name]!, sha256: hex("8") } },
  });
  /** The base with some of its manifest changed and the identity that follows. */
  const identityWith = async (changes: Record<string, unknown>): Promise<string> =>
    (await readBase(changes)).identity;

  test("is the SHA-256 of its configuration and of the hashes of weights and tokenizer", async () => {
    // Written by hand from the rule, keys in order.
    const text =
      '{"configuration":{"first_position":0,"head_dim":4,"hidden_act":"gelu","hidden_size":8,' +
      '"intermediate_size":16,"layer_norm_eps":1e-12,"max_position_embeddings":64,' +
      '"model_type":"bert","num_attention_heads":2,"num_bias_deltas":0,"num_hidden_layers":2,' +
      '"num_key_value_heads":2,"pad_token_id":0,"type_vocab_size":2,"vocab_size":200},' +
      `"pooler":null,"tokenizer":"${hex("3")}","weights":["${hex("2")}"]}`;
    expect(base.identity).toBe(await sha256(toBytes(text)));
    expect(base.identity).toBe(await baseIdentity(base, sha256));
    expect(shortIdentity(base)).toBe(`tiny@${base.identity.slice(0, 12)}`);
  });

  test.each<[string, Record<string, unknown>]>([
    ["another graph", withHash("model.onnx")],
    ["no graph", { builds: {} }],
    [
      "a build for another engine",
      { builds: { "ort/int8": "model.onnx", "simd/int16": "weights-0.safetensors" } },
    ],
    ["one more file", { files: { ...refs, "config.json": { sha256: hex("4"), bytes: 4 } } }],
    ["another name", { name: "other" }],
    ["another date", { created: "2027-01-01T00:00:00Z" }],
    [
      "its files in another order",
      { files: Object.fromEntries(Object.entries(refs).toReversed()) },
    ],
    [
      "its settings in another order",
      { configuration: Object.fromEntries(Object.entries(configurationJson()).toReversed()) },
    ],
    [
      "other names of files",
      {
        files: Object.fromEntries(Object.entries(refs).map(([name, ref]) => [`x-${name}`, ref])),
        weights: ["x-weights-0.safetensors"],
        tokenizer: "x-tokenizer.json",
        builds: { "ort/int8": "x-model.onnx" },
      },
    ],
  ])("stays with %s, and tasks stay accepted", async (_, changes) => {
    const changed = await readBase(changes);
    expect(changed.identity).toBe(BASE_IDENTITY);
    expect(() => checkTaskMatchesBase(readTask(), changed)).not.toThrow();
  });

  test.each<[string, Record<string, unknown>]>([
    ["another weight", withHash("weights-0.safetensors")],
    ["another tokenizer", withHash("tokenizer.json")],
    ["one more shard", { weights: ["weights-0.safetensors", "model.onnx"] }],
    ["a pooler", { pooler: "model.onnx" }],
    ["another number of layers", withSetting({ num_hidden_layers: 3 })],
    ["another number of heads", withSetting({ num_attention_heads: 4 })],
    ["another activation", withSetting({ hidden_act: "gelu_new" })],
    ["another epsilon", withSetting({ layer_norm_eps: 1e-5 })],
    ["another first position", withSetting({ first_position: 1 })],
    ["another padding token", withSetting({ pad_token_id: 1 })],
    ["a setting of a new family", withSetting({ rope_theta: 10_000 })],
  ])("changes with %s, and tasks are refused", async (_, changes) => {
    const changed = await readBase(changes);
    expect(changed.identity).not.toBe(BASE_IDENTITY);
    expect(() => checkTaskMatchesBase(readTask(), changed)).toThrow(
      expect.objectContaining({ name: "MismatchError", code: "prefix-base-mismatch" }),
    );
    // The old identity over changed parts is a lie, which readers find.
    const error = await laterFormatError(() => readBase({ ...changes, identity: BASE_IDENTITY }));
    expect(error.code).toBe("base-manifest-invalid");
    expect(error.message).toContain('"identity"');
  });

  test("differs between a pooler and one more shard of the same bytes", async () => {
    const [pooler, shard] = [
      await identityWith({ pooler: "model.onnx" }),
      await identityWith({ weights: ["weights-0.safetensors", "model.onnx"] }),
    ];
    expect(pooler).not.toBe(shard);
  });

  test("says nothing of builds: one that is missing is an error of its own", () => {
    expect(buildFile(base, "ort/int8")).toBe("model.onnx");
    expect(formatError(() => buildFile(base, "simd/int16"))).toMatchObject({
      code: "build-missing",
      message: expect.stringContaining('has no build "simd/int16", found ort/int8') as string,
    });
    expect(formatError(() => buildFile({ ...base, builds: {} }, "ort/int8")).message).toContain(
      "found none",
    );
  });
});
