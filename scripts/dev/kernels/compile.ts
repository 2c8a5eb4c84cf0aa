/** AssemblyScript sources -> the bytes of kernels.wasm, the same bytes on every machine. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { main } from "assemblyscript/asc";
import { PACKAGE } from "../../node/project.ts";
import { unroll } from "./unroll.ts";

const KERNELS = join(PACKAGE, "src", "engine", "simd", "kernels");
const SOURCES = join(KERNELS, "assembly");

/** Where the compiled kernels are kept. */
export const KERNELS_WASM = join(KERNELS, "kernels.wasm");

/**
 * Passes that tidy locals and constants, and none that moves an expression: the optimizer would
 * otherwise carry sums behind later loads, which needs more registers than there are and makes the
 * matrix product a tenth and attention a fifth slower.
 */
const PASSES = [
  "precompute-propagate",
  "remove-unused-brs",
  "remove-unused-names",
  "vacuum",
  "coalesce-locals",
  "reorder-locals",
  "vacuum",
  "memory-packing",
];

const OPTIONS = "--outFile out.wasm --runtime stub --noAssert --use abort= --enable simd "
  .concat("--optimizeLevel 0 --shrinkLevel 0")
  .split(" ");

export const compileKernels = (): Promise<Uint8Array> => compileAssembly(SOURCES);

/** The module of a folder's index.ts. Throws an Error with the compiler's messages. */
export async function compileAssembly(folder: string): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await main(["index.ts", ...OPTIONS, "--runPasses", PASSES.join(",")], {
    readFile: (name) =>
      readdirSync(folder).includes(name) ? unroll(readFileSync(join(folder, name), "utf8")) : null,
    writeFile: (_, contents) => {
      wasm = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !wasm) throw new Error(`${error?.message ?? "no output"}\n${stderr.toString()}`);
  return wasm;
}
