/** kernels.wasm is what its sources say, and nothing in it depends on the CPU. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { KERNELS_WASM, compileKernels } from "../../../../../scripts/dev/kernels/compile.ts";
import { unroll } from "../../../../../scripts/dev/kernels/unroll.ts";
import { KernelMemory } from "../../../../support/kernel-memory.ts";

describe("kernels.wasm", () => {
  it("is what `npm run kernels` makes of the sources, byte for byte", async () => {
    const compiled = await compileKernels();
    expect(Buffer.compare(readFileSync(KERNELS_WASM), compiled)).toBe(0);
  });

  it("imports nothing and starts with less than two pages of memory", () => {
    const { kernels } = new KernelMemory(0);
    expect(kernels.memory.buffer.byteLength).toBeLessThanOrEqual(2 * 65_536);
    expect(kernels.heapBase).toBeLessThanOrEqual(kernels.memory.buffer.byteLength);
  });
});

describe("unroll", () => {
  it("writes a body out for every value of its list", () => {
    expect(unroll("a; for (const $i of [0, 2]) {x$i += y$i_0;} b;")).toBe(
      "a; x0 += y0_0;x2 += y2_0; b;",
    );
  });

  it("takes tuples, counts and loops within loops", () => {
    const source =
      "for (const [$n, $m] of [[1, 7], [2, 8]]) {for (const $i of upTo($n)) {f($i, $m);}}";
    expect(unroll(source)).toBe("f(0, 7);f(0, 8);f(1, 8);");
  });

  it("leaves longer names and other loops alone", () => {
    const source = "for (const $i of [1]) {$in + $i;} for (let i = 0; i < 2; i++) {}";
    expect(unroll(source)).toBe("$in + 1; for (let i = 0; i < 2; i++) {}");
  });

  it("refuses lists of anything but numbers, and blocks without an end", () => {
    expect(() => unroll("for (const $i of rows) {}")).toThrow("rows is no list of numbers");
    expect(() => unroll("for (const $i of [0]) {")).toThrow("does not end");
  });
});
