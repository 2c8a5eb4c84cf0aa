/**
 * How far are the kernels from what the machine can do? Operations a second of each, beside a loop of
 * nothing but its multiplications and sums. Cases take turns in slices of half a millisecond and the
 * best slice counts, so that a machine with other work still tells the speed of the code.
 */
import { join } from "node:path";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { compileAssembly } from "../scripts/dev/kernels/compile.ts";
import { nodeKernels } from "../scripts/node/runtime-simd.ts";
import { casesOf } from "./kernels/cases.ts";
import type { Case } from "./kernels/cases.ts";
import { table } from "./stats.ts";

const SLICE_MS = 0.5;
const BOUND = "bound";
const BOUND_TURNS = 10_000;

export const bench = defineCommand({
  summary: "operations a second of each wasm kernel, beside the machine's bound",
  usage: "[--rounds N]",
  example: "npx edge-prefix bench kernels",
  options: {
    rounds: { type: "string", value: "N", default: "300", hint: "slices of each case" },
  },
  async run({ values, io }) {
    const rounds = readInteger(values.rounds, "--rounds", { min: 1, max: 100_000 })!;
    const cases = [...(await boundCases()), ...casesOf(nodeKernels())];
    const best = bestRates(cases, rounds);
    const bound = Math.max(...best.filter((_, i) => cases[i]!.kernel === BOUND));
    const results = cases.map(({ kernel, shape, isProduct }, i) => ({
      kernel,
      shape,
      gops: best[i]!,
      share: isProduct ? best[i]! / bound : null,
    }));
    if (io.json) io.out(JSON.stringify({ bench: "kernels", rounds, results }));
    else {
      const rows = results.map(({ kernel, shape, gops, share }) => [
        kernel,
        shape,
        gops.toFixed(1),
        share?.toFixed(2) ?? "",
      ]);
      io.out(table([["kernel", "shape", "10^9/s", "of bound"], ...rows]));
    }
    return 0;
  },
});

/** Operations of each case in the nanoseconds of its best slice. */
function bestRates(cases: readonly Case[], rounds: number): number[] {
  const best = cases.map(() => 0);
  const repeats = cases.map(() => 1);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { operations, run }] of cases.entries()) {
      run(); // the caches are full of another case's arrays
      const start = performance.now();
      for (let r = 0; r < repeats[i]!; r++) run();
      const ms = performance.now() - start;
      best[i] = Math.max(best[i]!, (repeats[i]! * operations) / ms / 1e6);
      if (ms < SLICE_MS / 2) repeats[i] = repeats[i]! * 2;
    }
  }
  return best;
}

// Node's type settings have no WebAssembly; this is the part that is used here.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: Readonly<Record<string, (turns: number) => void>>;
  };
};

/** Numbers of sums that the loops of kernels/assembly keep. */
const SUMS = [10, 11, 12, 13];

async function boundCases(): Promise<Case[]> {
  const wasm = await compileAssembly(join(import.meta.dirname, "kernels", "assembly"));
  const { exports: loops } = new WebAssembly.Instance(new WebAssembly.Module(wasm));
  return SUMS.map((sums): Case => ({
    kernel: BOUND,
    shape: `${sums} sums`,
    operations: BOUND_TURNS * 2 * sums * 16,
    isProduct: false,
    run: () => loops[`bound${sums}`]!(BOUND_TURNS),
  }));
}
