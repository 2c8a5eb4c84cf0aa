/**
 * Whether a runtime multiplies unsigned rows by signed weights exactly. CPUs with VNNI do, 2.3
 * times as fast as they multiply unsigned weights; AVX2 alone adds pairs of products in 16 bits,
 * which saturate. The test runs one product of the largest 8-bit numbers on this machine.
 */
import type { GraphFiles, Session } from "../../engine/session.ts";
import { Graph } from "../graph.ts";
import { packGraph } from "../encoding/pack.ts";

/** Larger than the block that any kernel handles at once, so that whole blocks are tested. */
const [ROWS, DEPTH, COLUMNS] = [16, 256, 64];
const [LARGEST_ROW, LARGEST_WEIGHT] = [255, 127];

/** Runs one product of 8-bit numbers and compares it with the exact answer. */
export async function multipliesSigned(
  createSession: (files: GraphFiles) => Promise<Session>,
): Promise<boolean> {
  const g = new Graph();
  const x = g.input("x", "uint8", ["M", DEPTH]);
  const weight = g.constant("weight", {
    dtype: "int8",
    dims: [DEPTH, COLUMNS],
    data: new Int8Array(DEPTH * COLUMNS).fill(LARGEST_WEIGHT),
  });
  // With scales of 1 the result in float32 is the integer itself: it stays below 2^24.
  g.output(g.add("MatMulIntegerToFloat", [x, weight, g.scalar(1), g.scalar(1)]), "y");
  const session = await createSession(packGraph(g));
  try {
    const rows = new Uint8Array(ROWS * DEPTH).fill(LARGEST_ROW);
    const { y } = await session.run({ x: { dtype: "uint8", dims: [ROWS, DEPTH], data: rows } });
    return y!.data.every((sum) => Number(sum) === DEPTH * LARGEST_ROW * LARGEST_WEIGHT);
  } finally {
    await session.release();
  }
}
