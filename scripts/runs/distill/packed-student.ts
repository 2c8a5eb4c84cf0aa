/** A trained student as a base folder: the student it started from with other weights. */
import type { WeightDtype } from "../../../src/core/format/manifest.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import { canonicalJson, encodeUtf8 } from "../../../src/core/text.ts";
import type { Weights } from "../../../src/encoder/layers/tensor-spec.ts";
import { sha256 } from "../../node/hash.ts";
import { baseConfig, basePooler, packBase } from "../../../src/encoder/base.ts";
import type { Base, BaseParts } from "../../../src/encoder/base.ts";
import type { OpenSession } from "../../../src/encoder/calibrate.ts";
import { quantizeWeights } from "../../../src/encoder/quantize-weights.ts";
import type { TableForm } from "../../../src/encoder/quantize-weights.ts";
import { toFloat32 } from "../../../src/core/model/tensor.ts";

export interface PackOptions {
  readonly name: string;
  readonly dtype: WeightDtype;
  readonly tables: TableForm;
  readonly card: BaseParts["card"];
  readonly openSession: OpenSession;
  readonly created: Date;
}

/** `weights` are float32 under the checkpoint's names, linears [in, out]. */
export async function packStudent(
  student: Base,
  weights: Weights,
  { name, dtype, tables, card, openSession, created }: PackOptions,
): Promise<Base> {
  const { architecture, config } = baseConfig(student);
  return packBase(
    {
      name,
      dtype,
      architecture,
      config: student.files.get("config.json")!,
      tokenizer: student.files.get(student.manifest.tokenizer)!,
      weights:
        dtype === "int8"
          ? await quantizeWeights(architecture, config, weights, openSession, tables)
          : weights,
      pooler: basePooler(student),
      pooling: student.manifest.pooling,
      checkpoint: await hashWeights(weights),
      card,
      created,
    },
    sha256,
  );
}

/** One hash of all weights, the same for every dtype they are stored in. */
async function hashWeights(weights: ReadonlyMap<string, Tensor>): Promise<string> {
  const hashes: Record<string, unknown> = {};
  for (const [name, tensor] of weights) {
    const { buffer, byteOffset, byteLength } = toFloat32(tensor);
    hashes[name] = {
      dims: tensor.dims,
      sha256: await sha256(new Uint8Array(buffer, byteOffset, byteLength)),
    };
  }
  return sha256(encodeUtf8(canonicalJson(hashes)));
}
