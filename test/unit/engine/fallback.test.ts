/** A base by two engines; both are onnxruntime-node here, and the first can be told to fail. */
import { describe, expect, it } from "vitest";
import { load } from "../../../src/encoder/loaded-base.ts";
import { nodeEngine } from "../../../scripts/node/runtime-node.ts";
import { FormatError, InputError, UnavailableError } from "../../../src/core/errors.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { withFallback } from "../../../src/engine/fallback.ts";
import { encodeRows, maxDifference } from "../../support/encode.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

const ROWS = [{ ids: [2, 66, 81, 3] }];
const LOST = new UnavailableError("webgpu-device-lost", "the GPU is gone");

/** onnxruntime-node that fails as it is told, and counts what it has loaded and released. */
function fragileEngine() {
  const state = {
    prepareError: null as Error | null,
    loadError: null as Error | null,
    runError: null as Error | null,
    loaded: 0,
    released: 0,
  };
  const engine: Engine = {
    async prepare(base) {
      if (state.prepareError) throw state.prepareError;
      const make = await nodeEngine().prepare(base);
      return async () => {
        if (state.loadError) throw state.loadError;
        state.loaded++;
        const encoder = await make();
        return {
          ...encoder,
          encode: (rows, queries) =>
            state.runError ? Promise.reject(state.runError) : encoder.encode(rows, queries),
          release() {
            state.released++;
            return encoder.release();
          },
        };
      };
    },
  };
  return { engine, state };
}

function bothEngines() {
  const [first, other] = [fragileEngine(), fragileEngine()];
  const ends: unknown[] = [];
  const engine = withFallback({
    first: first.engine,
    other: other.engine,
    isEnd: (error) => error instanceof UnavailableError || error instanceof FormatError,
    onEnd: (error) => ends.push(error),
  });
  return { engine, first: first.state, other: other.state, ends };
}

describe("a base by two engines", () => {
  it("uses the first alone while that works", async () => {
    const base = await makeTinyBase({ dtype: "int8", seed: 1 });
    const { engine, first, other, ends } = bothEngines();
    const encoder = await load(engine, base);
    await encodeRows(base, encoder, ROWS);
    expect([first.loaded, other.loaded, ends]).toEqual([1, 0, []]);
    await encoder.release();
    expect(first.released).toBe(1);
  });

  it("loads the other when the first refuses the base", async () => {
    const base = await makeTinyBase({ dtype: "int8", seed: 1 });
    const { engine, first, other, ends } = bothEngines();
    first.loadError = new FormatError("engine-unsupported", "an op is missing");
    const encoder = await load(engine, base);
    expect(await encodeRows(base, encoder, ROWS)).toHaveLength(1);
    expect([first.loaded, other.loaded, ends]).toEqual([0, 1, [first.loadError]]);
    await encoder.release();
  });

  it("prepares the other when the first cannot be opened", async () => {
    const base = await makeTinyBase({ dtype: "int8", seed: 1 });
    const { engine, first, other, ends } = bothEngines();
    first.prepareError = new UnavailableError("runtime-failed", "its script is missing");
    const encoder = await load(engine, base);
    expect(await encodeRows(base, encoder, ROWS)).toHaveLength(1);
    expect([first.loaded, other.loaded, ends]).toEqual([0, 1, [first.prepareError]]);
    await encoder.release();
  });

  it("answers the batch in which the first was lost by the other, and all that follow", async () => {
    const base = await makeTinyBase({ dtype: "int8", seed: 1 });
    const { engine, first, other, ends } = bothEngines();
    const encoder = await load(engine, base);
    const [expected] = await encodeRows(base, encoder, ROWS);
    first.runError = LOST;
    for (let run = 0; run < 2; run++) {
      const [found] = await encodeRows(base, encoder, ROWS);
      expect(maxDifference(found!, expected!)).toBe(0);
    }
    expect([first.released, other.loaded, ends]).toEqual([1, 1, [LOST]]);
    await encoder.release();
    expect([first.released, other.released]).toEqual([1, 1]);
  });

  it("passes on an error of the rows", async () => {
    const base = await makeTinyBase({ dtype: "int8", seed: 1 });
    const { engine, first, other } = bothEngines();
    const encoder = await load(engine, base);
    first.runError = new InputError("row-invalid", "an id is wrong");
    await expect(encodeRows(base, encoder, ROWS)).rejects.toBe(first.runError);
    expect(other.loaded).toBe(0);
    await encoder.release();
  });

  it("tries the other again when it could not be loaded", async () => {
    const base = await makeTinyBase({ dtype: "int8", seed: 1 });
    const { engine, first, other, ends } = bothEngines();
    const encoder = await load(engine, base);
    first.runError = LOST;
    other.loadError = new UnavailableError("bucket-unavailable", "no network");
    await expect(encodeRows(base, encoder, ROWS)).rejects.toBe(other.loadError);
    other.loadError = null;
    expect(await encodeRows(base, encoder, ROWS)).toHaveLength(1);
    expect(ends).toEqual([LOST]);
    await encoder.release();
  });
});
