/** Folders as PEFT's save_pretrained writes them, for the tiny base. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSafetensors } from "../../src/core/format/safetensors.ts";
import { float32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";

const WIDTH = 2 * 2 * 32; // of the tiny base: 2 layers, H 32

const CONFIG = {
  peft_type: "PREFIX_TUNING",
  task_type: "SEQ_CLS",
  num_virtual_tokens: 3,
  base_model_name_or_path: "tiny",
};

/** A folder with changes of its configuration and of its tensors; null leaves one out. */
export async function adapterDir(
  config: Record<string, unknown> = {},
  tensors: Record<string, Tensor | null> = {},
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "edge-prefix-peft-"));
  const all: Record<string, Tensor | null> = {
    prompt_embeddings: float32([3, WIDTH], new Float32Array(3 * WIDTH).fill(0.1)),
    "base_model.classifier.weight": float32([2, 32], new Float32Array(64).fill(1 / 3)),
    "base_model.classifier.bias": float32([2], new Float32Array([1, 2])),
    ...tensors,
  };
  const kept = Object.entries(all).filter((entry): entry is [string, Tensor] => entry[1] !== null);
  await writeFile(join(dir, "adapter_config.json"), JSON.stringify({ ...CONFIG, ...config }));
  await writeFile(join(dir, "adapter_model.safetensors"), writeSafetensors(new Map(kept)));
  return dir;
}
