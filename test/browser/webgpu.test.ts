/**
 * A base on WebGPU in Chromium, whose GPU is SwiftShader here: slow, and exact enough to hold the
 * states against the float32 graph of the same integers, computed by the same runtime on the CPU.
 */
import * as ort from "onnxruntime-web/jspi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../src/browser/worker/host.ts";
import { readBaseManifest, readTaskManifest } from "../../src/core/format/manifest.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { blobKey } from "../../src/core/format/keys.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import { openPooler, openTask } from "../../src/core/format/task.ts";
import { emptyPrefix, prefixWidth, unpackPrefix } from "../../src/core/model/prefix.ts";
import { statesOfRow } from "../../src/core/model/rows.ts";
import type { Row } from "../../src/core/model/rows.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import { buildServingGraph } from "../../src/encoder/forms/serving.ts";
import { dequantizeWeights } from "../../src/encoder/quantize-weights.ts";
import type { Encoder, Engine, LoadedBase } from "../../src/engine/engine.ts";
import { graphEncoder } from "../../src/engine/ort/encoder.ts";
import { externalData, wrapSession } from "../../src/engine/ort/session.ts";
import { webgpuEngine } from "../../src/engine/ort/webgpu/web.ts";
import { packGraph } from "../../src/graph/encoding/pack.ts";
import { answerExamples } from "../../src/learn/measure/answers.ts";
import { engineCases } from "../cases/engine.cases.ts";
import { fixture, loadedBase } from "./support.ts";
import { cosines } from "../support/encode.ts";

const wasmUrl = new URL(
  "/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.jspi.wasm",
  location.href,
).href;
const engine = webgpuEngine({ wasmUrl, allowsSoftware: true });

type Files = (name: string) => Promise<Uint8Array>;

/** Devices that were opened, the newest last. */
const devices: { destroy(): void }[] = [];
const { prototype } = (globalThis as unknown as { GPUAdapter: { prototype: Adapter } }).GPUAdapter;
interface Adapter {
  requestDevice(options: unknown): Promise<{ destroy(): void }>;
}
const { requestDevice } = prototype;
prototype.requestDevice = async function (this: Adapter, options) {
  const device = await requestDevice.call(this, options);
  devices.push(device);
  return device;
};
afterAll(() => {
  prototype.requestDevice = requestDevice;
});

async function fetchBytes(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

const load = async (by: Engine, manifest: BaseManifest, file: Files): Promise<Encoder> => {
  const unread = (): never => {
    throw new Error("the files are read whole");
  };
  const source = { manifest: Promise.resolve(manifest), file, stream: unread, image: null };
  return (await by.prepare(source))();
};

/** The float32 graph of a base's integers, on the runtime's CPU provider. */
async function floatEncoder(manifest: BaseManifest, file: Files): Promise<Encoder> {
  const architecture = architectureOf(manifest.configuration);
  const config = architecture.readConfig(manifest.configuration);
  const shards = await Promise.all(manifest.weights.map(file));
  const stored = new Map(shards.flatMap((bytes) => [...readSafetensors(bytes).tensors]));
  const floats = dequantizeWeights(architecture, config, stored);
  const { graph, weights } = packGraph(buildServingGraph(architecture, config, floats));
  const session = await ort.InferenceSession.create(graph, {
    executionProviders: ["wasm"],
    externalData: externalData(weights),
  });
  return graphEncoder(
    wrapSession(session, { Tensor: ort.Tensor, heapBytes: () => 0 }),
    manifest.configuration,
  );
}

/** Rows with a prefix and deltas, with a shorter prefix, and with none. */
function mixedRows({ configuration }: BaseManifest): Row[] {
  const wave = (count: number, scale: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898 + count) * scale);
  const width = prefixWidth(configuration);
  const prefixOf = (length: number) =>
    unpackPrefix(wave(length * width, 0.5), [length, width], configuration, "test");
  const layers = configuration.num_hidden_layers + 1;
  const deltas = {
    biasDeltas: wave(configuration.num_bias_deltas, 0.1),
    layerWeights: wave(layers, 1 / layers),
  };
  const rowOf = (length: number, prefix: Row["prefix"]): Row => ({
    ids: Int32Array.from({ length }, (_, i) => 5 + ((i * 7919) % (configuration.vocab_size - 5))),
    typeIds: new Int32Array(length),
    positionOffset: 0,
    prefix,
  });
  return [
    rowOf(6, { ...prefixOf(4), deltas }),
    rowOf(9, prefixOf(3)),
    rowOf(5, emptyPrefix(configuration)),
  ];
}

/** Least cosine of an encoder's states to those of the float32 graph, over all rows and tokens. */
async function cosineToFloats(manifest: BaseManifest, file: Files, found: Encoder) {
  const rows = mixedRows(manifest);
  const floats = await floatEncoder(manifest, file);
  const { hidden_size: width } = manifest.configuration;
  const [ours, theirs] = [await found.encode(rows, "all"), await floats.encode(rows, "all")];
  await floats.release();
  const each = rows.flatMap(({ ids }, b) =>
    cosines(statesOfRow(ours, b, ids.length), statesOfRow(theirs, b, ids.length), width),
  );
  return Math.min(...each);
}

const tinyFile = async (name: string): Promise<Uint8Array> =>
  fixture(blobKey((await loadedBase()).manifest.files[name]!.sha256));

engineCases("WebGPU in Chromium", {
  engine,
  async base() {
    const { manifest } = await loadedBase();
    return { manifest, file: (name) => fixture(blobKey(manifest.files[name]!.sha256)) };
  },
  tolerance: 1e-4,
  knowsMemory: false,
  takesLowRank: false,
});

describe("a tiny base on WebGPU", () => {
  let manifest: BaseManifest;
  let encoder: Encoder;
  beforeAll(async () => {
    ({ manifest } = await loadedBase());
    encoder = await load(engine, manifest, tinyFile);
  });
  afterAll(() => encoder.release());

  it("gives the states of the float32 graph", async () => {
    expect(await cosineToFloats(manifest, tinyFile, encoder)).toBeGreaterThan(0.9999);
  });

  it("says that its GPU was lost in the middle of a run, and ever after", async () => {
    const [row] = mixedRows(manifest);
    const running = encoder.encode([row!], "all");
    devices.at(-1)!.destroy();
    await expect(running).rejects.toMatchObject({ code: "webgpu-device-lost" });
    await expect(encoder.encode([row!], "all")).rejects.toMatchObject({
      code: "webgpu-device-lost",
    });
  });
});

describe("the bundled base on WebGPU", () => {
  let base: LoadedBase;
  const file: Files = (name) => fetchBytes(`/models/pocket/${name}`);
  beforeAll(async () => {
    const manifest = await readBaseManifest(await file("manifest.json"), sha256);
    base = {
      manifest,
      tokenizer: createTokenizer(await file(manifest.tokenizer)),
      encoder: await load(engine, manifest, file),
      pooler: openPooler(await file(manifest.pooler!), manifest),
    };
  });
  afterAll(() => base.encoder.release());

  it("gives the states of the float32 graph", async () => {
    expect(await cosineToFloats(base.manifest, file, base.encoder)).toBeGreaterThan(0.9999);
  });

  // Expected: the answers recorded in the tasks' manifests, which the served 8-bit graph gave.
  it.each(["sentiment", "intent"])("answers examples of %s as recorded", async (name) => {
    const at = (path: string) => fetchBytes(`/prefixes/${name}/${path}`);
    const manifest = readTaskManifest(await at("manifest.json"), name);
    const prefix = await at("prefix.safetensors");
    const task = await openTask(manifest, "0".repeat(12), prefix, base.manifest, sha256);
    const examples = manifest.examples.slice(0, 2);
    const answers = await answerExamples(base, task, examples);
    expect(answers.map(({ label }) => label)).toEqual(examples.map(({ label }) => label));
    const apart = answers.map(({ score }, i) => Math.abs(score - examples[i]!.score));
    expect(Math.max(...apart)).toBeLessThan(0.03);
  });
});
