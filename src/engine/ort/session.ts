/**
 * The Session interface over any ONNX Runtime: the hosts differ in how they load it, not in how it
 * is fed. Knows onnxruntime-common's types only; each host passes its own Tensor constructor.
 */
import type { InferenceSession, Tensor as OrtTensor, env } from "onnxruntime-web";
import { FormatError } from "../../core/errors.ts";
import type { Dtype, Tensor } from "../../core/model/tensor.ts";
import type { Feeds, GraphFiles, Session } from "../session.ts";

/** The part of an ONNX Runtime package that this adapter needs. */
export interface OrtHost {
  readonly Tensor: new (
    type: OrtTensor.Type,
    data: OrtTensor.DataType,
    dims: readonly number[],
  ) => OrtTensor;
  /** Bytes of the runtime's own memory, 0 where unknown. */
  heapBytes(): number;
}

/**
 * How sessions over a base's graph are made. The graph is written in its final form, so ONNX Runtime
 * is told not to look for what it could fuse: that would take longer than all the rest.
 */
const WASM_SESSION = {
  executionProviders: ["wasm"],
  graphOptimizationLevel: "disabled",
} as const satisfies InferenceSession.SessionOptions;

/** WASM_SESSION with external data from memory. */
export const sessionOptions = (
  weights: GraphFiles["weights"],
): InferenceSession.SessionOptions => ({
  ...WASM_SESSION,
  externalData: externalData(weights),
});

/** A graph's weights as ONNX Runtime takes them. */
export const externalData = (
  weights: GraphFiles["weights"],
): NonNullable<InferenceSession.SessionOptions["externalData"]> =>
  Array.from(weights, ([path, data]) => ({ path, data }));

/**
 * How the wasm build is started everywhere: one thread, and no more said than errors. A started
 * runtime's image (start.ts) is of exactly these settings.
 */
export function configure(settings: typeof env): void {
  settings.wasm.numThreads = 1;
  settings.logLevel = "error";
}

/** dtypes that cross the border; ONNX Runtime's JavaScript API spells them the same way. */
const SHARED: ReadonlySet<string> = new Set<Dtype>([
  "float32",
  "float16",
  "float64",
  "int64",
  "int32",
  "int8",
  "uint8",
  "bool",
]);

/** Wraps a loaded InferenceSession. */
export function wrapSession(session: InferenceSession, host: OrtHost): Session {
  const toOrt = (name: string, { dtype, data, dims }: Tensor): OrtTensor => {
    if (!SHARED.has(dtype) || dtype === "bfloat16") {
      throw new FormatError("tensor-dtype-mismatch", `input "${name}": cannot be ${dtype}`);
    }
    return new host.Tensor(dtype, data, dims);
  };
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    heapBytes: () => host.heapBytes(),
    release: () => session.release(),
    async run(feeds: Feeds, fetches = session.outputNames) {
      const inputs: Record<string, OrtTensor> = {};
      for (const [name, tensor] of Object.entries(feeds)) inputs[name] = toOrt(name, tensor);
      const results = await session.run(inputs, fetches);
      const outputs: Record<string, Tensor> = {};
      for (const name of fetches) outputs[name] = fromOrt(name, results[name]!);
      return outputs;
    },
  };
}

function fromOrt(name: string, { type, dims, data }: OrtTensor): Tensor {
  if (!SHARED.has(type)) {
    throw new FormatError("tensor-dtype-mismatch", `output "${name}": dtype is ${type}`);
  }
  // ORT types data by dtype, as Tensor does; the union cannot be narrowed field by field.
  return { dtype: type, dims: [...dims], data } as Tensor;
}
