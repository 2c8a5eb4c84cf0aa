/** The engines inside workerd: they load, and they answer as they do in Node. */
import { beforeAll, describe, expect, inject, it } from "vitest";
import type { Queries, Row } from "../../src/core/model/rows.ts";
import type { LoadedBase } from "../../src/engine/engine.ts";
import { unpackRow, unpackStates } from "./fixtures.ts";
import type { Reference } from "./fixtures.ts";
import { familyCases } from "../cases/family.cases.ts";
import { ENGINES, clock, loadedBase, restoredBases, sha256 } from "./support.ts";

const bases = new Map<string, LoadedBase>();

beforeAll(async () => {
  for (const name of ["pocket", "pocket-fp32"]) bases.set(`${name}, web`, await loadedBase(name));
  bases.set("pocket, simd", await loadedBase("pocket", "simd"));
});

const baseOf = ({ base, engine }: Pick<Reference, "base" | "engine">): LoadedBase =>
  bases.get(`${base}, ${engine}`)!;

/** What the run in Node was given. */
const askedOf = async (reference: Reference): Promise<[Row[], Queries]> => {
  const { manifest } = baseOf(reference);
  const { rows, queries } = reference;
  return [await Promise.all(rows.map((row) => unpackRow(row, manifest, sha256))), queries];
};

it("restores the first base of an isolate from its image, and loads the graph of the second", () => {
  expect(restoredBases).toEqual(["pocket"]);
});

describe("the same wasm in Node and in workerd", () => {
  it.each(
    inject("fixtures").references.map(
      (item) => [`${item.engine}, ${item.base}, ${item.name}`, item] as const,
    ),
  )("gives the same bits: %s", async (_, reference) => {
    const found = await baseOf(reference).encoder.encode(...(await askedOf(reference)));
    expect(found).toEqual(unpackStates(reference.states));
  });

  it.each(["web", "simd"] as const)(
    "gives no turn to others during a run, so a request cannot be cancelled in the middle of one: %s",
    async (engine) => {
      const asked = await askedOf(inject("fixtures").references[0]!);
      let turns = 0;
      const turn = clock.wait(0).then(() => turns++);
      await baseOf({ base: "pocket", engine }).encoder.encode(...asked);
      expect(turns).toBe(0);
      await turn;
      expect(turns).toBe(1);
    },
  );

  it("knows how large its heap is", () => {
    const heapOf = (engine: Reference["engine"]): number =>
      baseOf({ base: "pocket", engine }).encoder.memoryBytes();
    expect(heapOf("web")).toBeGreaterThan(1_000_000);
    expect(heapOf("simd")).toBeGreaterThan(100_000);
  });
});

familyCases("workerd", () => Promise.resolve(ENGINES.simd));
