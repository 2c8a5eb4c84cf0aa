/** ONNX Runtime inside workerd, unpatched: it loads, and it answers as it does in Node. */
import { beforeAll, describe, expect, inject, it } from "vitest";
import { LAST_HIDDEN_STATE } from "../../src/core/model/shapes.ts";
import type { LoadedBase } from "../../src/serve/model-store.ts";
import { unpackTensor } from "./fixtures.ts";
import { clock, loadedBase, restoredBases } from "./support.ts";

const bases = new Map<string, LoadedBase>();

beforeAll(async () => {
  for (const name of ["pocket", "pocket-fp32"]) bases.set(name, await loadedBase(name));
});

it("restores the first base of an isolate from its image, and loads the graph of the second", () => {
  expect(restoredBases).toEqual(["pocket"]);
});

describe("the same wasm in Node and in workerd", () => {
  it.each(
    inject("fixtures").references.map((item) => [`${item.base}, ${item.name}`, item] as const),
  )("gives the same bits: %s", async (_, { base, feeds, output }) => {
    const unpacked = Object.entries(feeds).map(([name, tensor]) => [name, unpackTensor(tensor)]);
    const { session } = bases.get(base)!;
    const found = (await session.run(Object.fromEntries(unpacked)))[LAST_HIDDEN_STATE]!;
    const expected = unpackTensor(output);
    expect(found.dims).toEqual(expected.dims);
    expect(found.data).toEqual(expected.data);
  });

  it("gives nobody a turn during a run, so a request cannot be cancelled in the middle of one", async () => {
    const { feeds } = inject("fixtures").references[0]!;
    const unpacked = Object.entries(feeds).map(([name, tensor]) => [name, unpackTensor(tensor)]);
    const { session } = bases.get("pocket")!;
    let turns = 0;
    const turn = clock.wait(0).then(() => turns++);
    await session.run(Object.fromEntries(unpacked));
    expect(turns).toBe(0);
    await turn;
    expect(turns).toBe(1);
  });

  it("knows how large its heap is", () => {
    expect(bases.get("pocket")!.session.heapBytes()).toBeGreaterThan(1_000_000);
  });
});
