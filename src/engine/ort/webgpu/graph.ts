/** A base's files -> the graph that a GPU runs, built from the base's own weights: about 20 ms. */
import { EdgePrefixError, FormatError } from "../../../core/errors.ts";
import { shortIdentity } from "../../../core/format/manifest.ts";
import type { BaseManifest } from "../../../core/format/manifest.ts";
import { readSafetensors } from "../../../core/format/safetensors.ts";
import { architectureOf } from "../../../encoder/families/families.ts";
import { buildGpuGraph } from "../../../encoder/forms/gpu.ts";
import { packGraph } from "../../../graph/encoding/pack.ts";
import type { GraphFiles } from "../../session.ts";

/**
 * The graph of a base and its weights; `shards` are the manifest's weight files by name. Throws
 * FormatError `engine-unsupported` for an encoder that WebGPU cannot compute, `weights-invalid` for
 * files that are not those of its configuration.
 */
export function gpuGraph(
  manifest: BaseManifest,
  shards: ReadonlyMap<string, Uint8Array>,
): GraphFiles {
  try {
    const architecture = architectureOf(manifest.configuration);
    const config = architecture.readConfig(manifest.configuration);
    const weights = new Map(
      Array.from(shards, ([name, bytes]) => readSafetensors(bytes, name)).flatMap(({ tensors }) => [
        ...tensors,
      ]),
    );
    return packGraph(buildGpuGraph(architecture, config, weights));
  } catch (cause) {
    if (!(cause instanceof EdgePrefixError) || cause.code === "engine-unsupported") throw cause;
    throw new FormatError(
      "weights-invalid",
      `base ${shortIdentity(manifest)}: its weights cannot be used (${cause.message}); import it again`,
      { cause },
    );
  }
}
