/** Which bases the kernels can compute. Only the manifest is read for that, no weights. */
import { EdgePrefixError, FormatError } from "../../core/errors.ts";
import { shortIdentity } from "../../core/format/manifest.ts";
import type { BaseManifest } from "../../core/format/manifest.ts";
import type { EncoderConfig } from "../../encoder/families/architecture.ts";
import { architectureOf } from "../../encoder/families/families.ts";
import { countDeltas } from "../../encoder/forms/deltas.ts";
import { checkWidths } from "./axes.ts";

/** The parts of a manifest that decide it. */
export type KernelBase = Pick<BaseManifest, "name" | "identity" | "dtype" | "configuration">;

/**
 * The settings of a base that the kernels can compute. Throws FormatError `engine-unsupported`, or
 * what the family's reader throws.
 */
export function kernelConfig(base: KernelBase): EncoderConfig {
  const { configuration, dtype } = base;
  if (dtype !== "int8") {
    throw new FormatError(
      "engine-unsupported",
      `base ${shortIdentity(base)}: its weights are ${dtype}, the engine simd computes with int8; import it with --dtype int8, or serve it by onnxruntime`,
    );
  }
  const config = architectureOf(configuration).readConfig(configuration);
  // Written by the importer, read by the tasks: both must count alike.
  const { num_bias_deltas: expected } = configuration;
  const found = countDeltas(architectureOf(configuration), config);
  if (found !== expected) {
    throw new FormatError(
      "engine-unsupported",
      `base ${shortIdentity(base)}: num_bias_deltas is ${expected}, its layers have ${found}; import it again`,
    );
  }
  checkWidths(config);
  return config;
}

/** Why the kernels refuse a base, in a sentence; null where they take it. */
export function kernelRefusal(base: KernelBase): string | null {
  try {
    kernelConfig(base);
    return null;
  } catch (error) {
    if (error instanceof EdgePrefixError) return error.message;
    throw error;
  }
}
