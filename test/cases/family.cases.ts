/**
 * What our own kernels make of the encoder of every family, on a host other than Node: the bits that
 * Node gives, close to float32.
 */
import { describe, expect, inject, it } from "vitest";
import { statesOfRow } from "../../src/core/model/rows.ts";
import type { Encoder, Engine } from "../../src/engine/engine.ts";
import { meanCosine } from "../support/encode.ts";
import { familyRows, familySource, unpackFloats, unpackStates } from "../worker/fixtures.ts";

export function familyCases(host: string, engine: () => Promise<Engine>): void {
  describe.each(inject("fixtures").families)(`the encoder of $name in ${host}`, (family) => {
    it("gives the same bits as in Node, and a cosine of .995 to float32 or more", async () => {
      const rows = familyRows(family);
      const load = await (await engine()).prepare(familySource(family));
      const encoder: Encoder = await load();
      const states = await encoder.encode(rows, "all");
      expect(states).toEqual(unpackStates(family.states));
      const width = states.dims[2];
      const all = rows.flatMap(({ ids }, b) => [...statesOfRow(states, b, ids.length)]);
      const exact = family.exact.flatMap((values) => [...unpackFloats(values)]);
      expect(exact).toHaveLength(all.length);
      const cosine = meanCosine(Float32Array.from(all), Float32Array.from(exact), width);
      expect(cosine).toBeGreaterThanOrEqual(0.995);
      await encoder.release();
    });
  });
}
