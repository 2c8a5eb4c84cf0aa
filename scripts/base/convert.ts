/**
 * From a checkpoint to a base: picks the tensors, transposes the linears to [in, out], quantizes
 * where asked, packs. One function for every architecture; the list of tensors is the difference.
 */
import { canonicalJson, encodeUtf8, parseJson } from "../../src/core/text.ts";
import type { Tensor, TensorOf } from "../../src/core/model/tensor.ts";
import { transpose } from "../../src/graph/quantization/int8.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import type { EncoderConfig } from "../../src/encoder/families/architecture.ts";
import { sha256 } from "../node/hash.ts";
import { packBase } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import type { OpenSession } from "../../src/encoder/calibrate.ts";
import { importCard } from "./base-card.ts";
import { selectTensors, unknownWarning } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { checkTokenizerFits } from "./tokenizer-fit.ts";
import { quantizeWeights } from "../../src/encoder/quantize-weights.ts";
import type { TableForm } from "../../src/encoder/quantize-weights.ts";

export type ImportOptions = {
  readonly name: string;
  readonly created: Date;
  /** Whether the 8-bit graph takes low-rank changes, too. */
  readonly takesLowRank?: boolean;
  /** Receives one line about anything worth knowing that is no error. */
  readonly note?: (line: string) => void;
} & (
  | { readonly dtype: "fp32" }
  /** Quantizing looks at the activations, so it runs the float graph once. */
  | { readonly dtype: "int8"; readonly openSession: OpenSession; readonly tables?: TableForm }
);

/** The settings of a checkpoint; throws as importCheckpoint. */
export function checkpointConfig({ config }: Pick<Checkpoint, "config">): EncoderConfig {
  const json = parseJson(config, "config.json");
  return architectureOf(json).readConfig(json);
}

/** Makes a base of a checkpoint. Everything that can be wrong with the checkpoint throws here. */
export async function importCheckpoint(
  checkpoint: Checkpoint,
  options: ImportOptions,
): Promise<Base> {
  const { name, dtype, created, note = () => {} } = options;
  const json = parseJson(checkpoint.config, "config.json");
  const architecture = architectureOf(json);
  const config = architecture.readConfig(json);
  checkTokenizerFits(checkpoint.tokenizer, config);
  const specs = architecture.tensors(config);
  const selection = selectTensors(checkpoint, architecture, specs);
  if (selection.ignored.length > 0) {
    note(`left aside, since an encoder does not need them: ${selection.ignored.join(", ")}`);
  }
  const warning = unknownWarning(selection.unknown, specs);
  if (warning !== null) note(warning);
  for (const line of checkpoint.pooling.notes) note(line);
  if (!selection.hasPooler) note("the checkpoint has no pooler: tasks can pool by cls or mean");

  const floats = new Map<string, Tensor>();
  const pooler = new Map<string, Tensor>();
  for (const { name: tensorName, kind } of specs) {
    const tensor = selection.tensors.get(tensorName);
    if (!tensor) continue;
    if (kind === "pooler") pooler.set(tensorName, tensor);
    else floats.set(tensorName, kind === "linear" ? transpose(tensor) : tensor);
  }
  const weights =
    options.dtype === "int8"
      ? await quantizeWeights(architecture, config, floats, options.openSession, options.tables)
      : floats;
  return packBase(
    {
      name,
      dtype,
      architecture,
      config: checkpoint.config,
      tokenizer: checkpoint.tokenizer,
      weights,
      pooler: selection.hasPooler ? pooler : null,
      pooling: checkpoint.pooling.pooling,
      checkpoint: await hashTensors(selection.tensors),
      card: (manifest) =>
        importCard(manifest, checkpoint, [...selection.ignored, ...selection.unknown]),
      created,
      ...(options.takesLowRank === true && { takesLowRank: true }),
    },
    sha256,
  );
}

/** Hash of the weights, independent of order, files and dtype: an fp32 and an int8 import share it. */
async function hashTensors(tensors: ReadonlyMap<string, TensorOf<"float32">>): Promise<string> {
  const hashes: Record<string, unknown> = {};
  for (const [name, { dims, data }] of tensors) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    hashes[name] = { dims, sha256: await sha256(bytes) };
  }
  return sha256(encodeUtf8(canonicalJson(hashes)));
}
