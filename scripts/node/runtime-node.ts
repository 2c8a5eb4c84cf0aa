/** Session over onnxruntime-node, the native library: training and parity. The only file that imports it. */
import { FormatError } from "../../src/core/errors.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { graphEngine } from "../../src/engine/ort/encoder.ts";
import { loadOptional } from "./optional-package.ts";
import { wrapSession } from "../../src/engine/ort/session.ts";
import type { GraphFiles, Session } from "../../src/engine/session.ts";

/**
 * Threads that have nothing to do sleep. By default they spin, and a training step on a machine that
 * does something else, too, takes the longer: 1,211 against 885 ms, two cores, load 16.
 */
const WITHOUT_SPINNING = {
  session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } },
};

/**
 * Loads a graph with its external data from memory. `threads` is the number of threads inside one
 * op, default: ONNX Runtime's choice (one a core). Throws UnavailableError `package-missing` where
 * onnxruntime-node is not installed.
 */
export async function createNodeSession(
  files: GraphFiles,
  { threads }: { threads?: number } = {},
): Promise<Session> {
  const { default: ort } = await loadOptional("onnxruntime-node", () => import("onnxruntime-node"));
  try {
    const session = await ort.InferenceSession.create(files.graph, {
      externalData: [...files.weights].map(([path, data]) => ({ path, data })),
      // Errors come as exceptions; warnings about unused constants say nothing to a user.
      logSeverityLevel: 3,
      extra: WITHOUT_SPINNING,
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    });
    return wrapSession(session, { Tensor: ort.Tensor, heapBytes: () => 0 });
  } catch (cause) {
    throw new FormatError(
      "graph-invalid",
      `graph: ONNX Runtime cannot load it (${message(cause)})`,
      {
        cause,
      },
    );
  }
}

/** The native library as an engine; `threads` as for createNodeSession. */
export const nodeEngine = (options: { threads?: number } = {}): Engine =>
  graphEngine((files) => createNodeSession(files, options));

const message = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);
