/**
 * Float weights of a base -> the int8 form of its shards: which tensors become 8-bit, and the names
 * of their scales. The arithmetic is in graph/quantization; `dequantizeWeights` is the way back.
 */
import { float32 } from "../core/model/tensor.ts";
import type { Tensor, TensorOf } from "../core/model/tensor.ts";
import { packTable, unpackTable } from "../graph/quantization/packed-table.ts";
import {
  dequantize,
  inputOffset,
  offsetName,
  quantizeLinear,
  quantizeTable,
  scaleName,
} from "../graph/quantization/int8.ts";
import type { Architecture, EncoderConfig } from "./families/architecture.ts";
import type { TensorSpec, Weights } from "./layers/tensor-spec.ts";
import { inputScales } from "./calibrate.ts";
import type { OpenSession } from "./calibrate.ts";

/**
 * How an int8 base stores its embeddings: "int8" the words by rows, the positions as they are;
 * "compact" the words in 4 bits and the positions in 8 (graph/quantization/packed-table.ts).
 */
export type TableForm = "int8" | "compact";
export const TABLE_FORMS = ["int8", "compact"] as const satisfies readonly TableForm[];

/** Quantizes all projections and the tables; `weights` are float32, linears [in, out]. */
export async function quantizeWeights(
  architecture: Architecture,
  config: EncoderConfig,
  weights: Weights,
  openSession: OpenSession,
  tables: TableForm = "int8",
): Promise<Map<string, Tensor>> {
  const scales = await inputScales(architecture, config, weights, openSession);
  const quantized = new Map<string, Tensor>(scales);
  for (const spec of architecture.tensors(config)) {
    const tensor = weights.get(spec.name) as TensorOf<"float32"> | undefined;
    if (!tensor) continue;
    for (const [name, value] of quantizeTensor(spec, tensor, scales, tables))
      quantized.set(name, value);
  }
  return quantized;
}

function quantizeTensor(
  { name, kind, inputScale, inputMin = 0 }: TensorSpec,
  tensor: TensorOf<"float32">,
  scales: ReadonlyMap<string, TensorOf<"float32">>,
  tables: TableForm,
): [string, Tensor][] {
  if (kind === "words" || (kind === "positions" && tables === "compact")) {
    const { values, scale } =
      tables === "compact" ? packTable(tensor, kind === "words" ? 4 : 8) : quantizeTable(tensor);
    return [
      [name, values],
      [scaleName(name), scale],
    ];
  }
  if (kind !== "linear") return [[name, tensor]];
  const input = inputScale === undefined ? undefined : scales.get(inputScale);
  const { values, scale } = quantizeLinear(input ? divideRows(tensor, input) : tensor);
  const parts: [string, Tensor][] = [
    [name, values],
    [scaleName(name), scale],
  ];
  if (inputMin < 0) parts.push([offsetName(name), inputOffset(values, scale, inputMin)]);
  return parts;
}

/** Weight [in, out] with row c divided by scale[c]. */
function divideRows(
  { dims, data }: TensorOf<"float32">,
  scale: TensorOf<"float32">,
): TensorOf<"float32"> {
  const columns = dims[1]!;
  return float32(
    dims,
    data.map((value, i) => value / scale.data[Math.floor(i / columns)]!),
  );
}

/** The float32 weights under the checkpoint's names, linears [in, out], of a base of either dtype. */
export function dequantizeWeights(
  architecture: Architecture,
  config: EncoderConfig,
  weights: Weights,
): Map<string, Tensor> {
  const floats = new Map<string, Tensor>();
  for (const { name, kind, inputScale } of architecture.tensors(config)) {
    const tensor = weights.get(name);
    if (!tensor) continue;
    const scale = weights.get(scaleName(name));
    const input = inputScale === undefined ? undefined : weights.get(inputScale);
    const isTable = kind === "words" || kind === "positions";
    floats.set(
      name,
      isTable && tensor.dtype === "uint8" && scale?.dtype === "float32"
        ? unpackTable({ values: tensor, scale }, config.encoder.embeddings.width)
        : dequantize(tensor, scale, input),
    );
  }
  return floats;
}
