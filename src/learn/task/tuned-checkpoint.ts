/**
 * What full fine-tuning makes: a checkpoint in Hugging Face's form, which `import` reads and
 * transformers loads (AutoModelForSequenceClassification, AutoModelForTokenClassification).
 */
import { writeSafetensors } from "../../core/format/safetensors.ts";
import { CLASSIFIER_BIAS, CLASSIFIER_WEIGHT } from "../../core/model/shapes.ts";
import { float32 } from "../../core/model/tensor.ts";
import type { Tensor, TensorOf } from "../../core/model/tensor.ts";
import { encodeUtf8, parseJson } from "../../core/text.ts";
import { baseConfig, basePooler } from "../../encoder/base.ts";
import type { Base } from "../../encoder/base.ts";
import { transpose } from "../../graph/quantization/int8.ts";
import type { Arrays } from "../graph/parameters.ts";

/** Folder of the checkpoint inside the task folder. */
export const CHECKPOINT = "checkpoint";

/** The files of the checkpoint by name; `params` as a run of method "full" has them. */
export function tunedCheckpoint(
  base: Base,
  params: Arrays,
  { type, labels }: { readonly type: "sequence" | "token"; readonly labels: readonly string[] },
): Map<string, Uint8Array> {
  const { architecture, config } = baseConfig(base);
  const family = architecture.prefixes[0] ?? "";
  const pooler = basePooler(base);
  const tensors = new Map<string, Tensor>();
  for (const { name, dims, kind } of architecture.tensors(config)) {
    const values = params[name];
    const stored = values
      ? float32(kind === "linear" ? dims.toReversed() : dims, values)
      : pooler?.get(name);
    if (!stored) continue; // a base without a pooler has none to write
    const isTurned = values !== undefined && kind === "linear";
    tensors.set(family + name, isTurned ? transpose(stored as TensorOf<"float32">) : stored);
  }
  tensors.set(
    CLASSIFIER_WEIGHT,
    float32([labels.length, config.hidden], params[CLASSIFIER_WEIGHT]!),
  );
  tensors.set(CLASSIFIER_BIAS, float32([labels.length], params[CLASSIFIER_BIAS]!));
  const original = parseJson(base.files.get("config.json")!, "config.json") as object;
  const head = type === "token" ? "ForTokenClassification" : "ForSequenceClassification";
  const changed = {
    ...original,
    architectures: [`Bert${head}`],
    id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
  };
  return new Map([
    ["config.json", encodeUtf8(`${JSON.stringify(changed, null, 2)}\n`)],
    ["tokenizer.json", base.files.get(base.manifest.tokenizer)!],
    ["model.safetensors", writeSafetensors(tensors, { format: "pt" })],
  ]);
}
