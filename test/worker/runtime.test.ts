/** ONNX Runtime inside workerd, unpatched: it loads, and it answers as it does in Node. */
import { beforeAll, describe, expect, inject, it } from "vitest";
import type { Queries, Row } from "../../src/core/model/rows.ts";
import type { LoadedBase } from "../../src/engine/engine.ts";
import { unpackRow, unpackStates } from "./fixtures.ts";
import type { Reference } from "./fixtures.ts";
import { clock, loadedBase, restoredBases, sha256 } from "./support.ts";

const bases = new Map<string, LoadedBase>();

beforeAll(async () => {
  for (const name of ["pocket", "pocket-fp32"]) bases.set(name, await loadedBase(name));
});

/** What the run in Node was given. */
const askedOf = async ({ base, rows, queries }: Reference): Promise<[Row[], Queries]> => {
  const { manifest } = bases.get(base)!;
  return [await Promise.all(rows.map((row) => unpackRow(row, manifest, sha256))), queries];
};

it("restores the first base of an isolate from its image, and loads the graph of the second", () => {
  expect(restoredBases).toEqual(["pocket"]);
});

describe("the same wasm in Node and in workerd", () => {
  it.each(
    inject("fixtures").references.map((item) => [`${item.base}, ${item.name}`, item] as const),
  )("gives the same bits: %s", async (_, reference) => {
    const found = await bases.get(reference.base)!.encoder.encode(...(await askedOf(reference)));
    expect(found).toEqual(unpackStates(reference.states));
  });

  it("gives no turn to others during a run, so a request cannot be cancelled in the middle of one", async () => {
    const asked = await askedOf(inject("fixtures").references[0]!);
    let turns = 0;
    const turn = clock.wait(0).then(() => turns++);
    await bases.get("pocket")!.encoder.encode(...asked);
    expect(turns).toBe(0);
    await turn;
    expect(turns).toBe(1);
  });

  it("knows how large its heap is", () => {
    expect(bases.get("pocket")!.encoder.memoryBytes()).toBeGreaterThan(1_000_000);
  });
});
