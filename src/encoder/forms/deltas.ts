/**
 * Which vectors of an encoder a task may change with `bias_deltas`, and in which order they stand
 * there: all biases and norm weights of the layers, in the order of computation (BitFit, arXiv
 * 2106.10199, names these for fine-tuning alone).
 */
import type { Architecture, EncoderConfig } from "../families/architecture.ts";
import type { TensorSpec } from "../layers/tensor-spec.ts";

export const deltaSpecs = (architecture: Architecture, config: EncoderConfig): TensorSpec[] =>
  architecture
    .tensors(config)
    .filter(
      ({ name, kind, dims }) =>
        kind === "float" &&
        dims.length === 1 &&
        architecture.renameLayer(name, () => null) === null,
    );

/** W, how many numbers the deltas of a base have. */
export const countDeltas = (architecture: Architecture, config: EncoderConfig): number =>
  deltaSpecs(architecture, config).reduce((sum, { dims }) => sum + dims[0]!, 0);
