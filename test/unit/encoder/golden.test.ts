/**
 * Imported real checkpoints against PyTorch. Expected values: ../shared/golden (torch 2.15.0,
 * transformers 5.23.0, float32); skipped where that folder is absent.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Base } from "../../../src/encoder/base.ts";
import { readCheckpoint } from "../../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../../scripts/base/convert.ts";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import { createWasmSession } from "../../../src/engine/ort/wasm-sessions.ts";
import { unpackPrefix } from "../../../src/core/model/prefix.ts";
import { readSafetensors } from "../../../src/core/format/safetensors.ts";
import { PROMPT_EMBEDDINGS } from "../../../src/core/model/shapes.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import { hiddenStates, maxDifference, meanCosine, withSession } from "../../support/encode.ts";
import type { TestRow } from "../../support/encode.ts";
import { shared } from "../../support/shared.ts";

const RUNTIMES = [
  ["node", createNodeSession],
  ["web", createWasmSession],
] as const;

const importFolder = async (dir: string, dtype: "fp32" | "int8"): Promise<Base> => {
  const checkpoint = await readCheckpoint(dir, dir);
  const options = { name: "golden", created: new Date(0) };
  return dtype === "fp32"
    ? importCheckpoint(checkpoint, { ...options, dtype })
    : importCheckpoint(checkpoint, { ...options, dtype, openSession: createNodeSession });
};

interface Golden {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly rows: readonly TestRow[];
  /** States [t, H] of each row's own tokens. */
  states(name: string): Float32Array[];
}

function readGolden(path: string): Golden {
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(path)), path);
  const ids = tensors.get("input_ids")!;
  const mask = tensors.get("attention_mask")!.data;
  const [batch, length] = ids.dims as [number, number];
  const lengths = Array.from({ length: batch }, (_, b) =>
    Array.from(mask.slice(b * length, (b + 1) * length), Number).reduce((a, n) => a + n, 0),
  );
  return {
    tensors,
    rows: lengths.map((count, b) => ({
      ids: Array.from(ids.data.slice(b * length, b * length + count), Number),
    })),
    states(name) {
      const { dims, data } = tensors.get(name)!;
      const width = dims[2]!;
      return lengths.map((count, b) => {
        const from = b * length * width;
        return (data as Float32Array).slice(from, from + count * width);
      });
    },
  };
}

const worst = (found: Float32Array[], expected: Float32Array[]): number =>
  Math.max(...found.map((states, i) => maxDifference(states, expected[i]!)));

const minilm = shared("models", "all-MiniLM-L6-v2");
const hidden = shared("golden", "minilm", "hidden.safetensors");

describe.skipIf(minilm === undefined || hidden === undefined)("MiniLM-L6", () => {
  let fp32: Base;
  let int8: Base;
  let golden: Golden;
  beforeAll(async () => {
    golden = readGolden(hidden!);
    fp32 = await importFolder(minilm!, "fp32");
    int8 = await importFolder(minilm!, "int8");
  }, 120_000);

  it.each(RUNTIMES)("fp32 is within 1e-4 on %s, in a batch and alone", async (_, open) => {
    await withSession(open, fp32, async (session) => {
      const expected = golden.states("last_hidden_state");
      expect(worst(await hiddenStates(fp32, session, golden.rows), expected)).toBeLessThan(1e-4);
      for (const [i, row] of golden.rows.entries()) {
        const alone = await hiddenStates(fp32, session, [row]);
        expect(worst(alone, [expected[i]!])).toBeLessThan(1e-4);
      }
    });
  });

  it.each(RUNTIMES)("int8 has a cosine of .998 or more on %s (asked: .996)", async (_, open) => {
    await withSession(open, int8, async (session) => {
      const expected = golden.states("last_hidden_state");
      const found = await hiddenStates(int8, session, golden.rows);
      const all = (parts: Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));
      expect(meanCosine(all(found), all(expected), 384)).toBeGreaterThan(0.998);
    });
  });

  it("int8 in wasm gives a text the same bits alone and beside longer texts", async () => {
    await withSession(createWasmSession, int8, async (session) => {
      const together = await hiddenStates(int8, session, golden.rows);
      for (const [i, row] of golden.rows.entries()) {
        const [alone] = await hiddenStates(int8, session, [row]);
        expect(maxDifference(alone!, together[i]!)).toBe(0);
      }
    });
  });

  it("int8 shards stay below 25 MiB", () => {
    for (const name of int8.manifest.weights) {
      expect(int8.files.get(name)!.byteLength).toBeLessThan(25 * 1024 * 1024);
    }
  });
});

const cased = shared("golden", "architectures", "bert-cased");

describe.skipIf(cased === undefined)("bert-cased with gelu_new", () => {
  it.each(RUNTIMES)("is within 2e-4 on %s, without and with a prefix", async (_, open) => {
    const base = await importFolder(cased!, "fp32");
    const golden = readGolden(join(cased!, "expected.safetensors"));
    const { dims, data } = golden.tensors.get(PROMPT_EMBEDDINGS)!;
    const prefix = unpackPrefix(data as Float32Array, dims, base.manifest.configuration, "golden");
    await withSession(open, base, async (session) => {
      const plain = await hiddenStates(base, session, golden.rows);
      expect(worst(plain, golden.states("last_hidden_state"))).toBeLessThan(2e-4);
      const rows = golden.rows.map((row) => ({ ...row, prefix }));
      const prefixed = await hiddenStates(base, session, rows);
      expect(worst(prefixed, golden.states("last_hidden_state.prefixed"))).toBeLessThan(2e-4);
    });
  });
});
