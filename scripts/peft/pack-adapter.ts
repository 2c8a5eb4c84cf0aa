/** A PEFT adapter as a task in memory, as `import-peft` writes it and the golden tests answer by it. */
import { maxLengthOf } from "../../src/core/format/configuration.ts";
import type { Base } from "../../src/encoder/base.ts";
import { UNMEASURED, packTask } from "../../src/learn/task/packed-task.ts";
import type { PackedTask } from "../../src/learn/task/packed-task.ts";
import { sha256 } from "../node/hash.ts";
import { adapterTensors, defaultPositionOffset, poolingOf } from "./adapter.ts";
import type { PeftAdapter } from "./adapter.ts";

export interface PackOptions {
  readonly task: string;
  /** Position of the first token; by default as PEFT numbers them. */
  readonly positionOffset?: number | undefined;
  /** float32 keeps every bit. */
  readonly dtype?: "float32" | "float16" | undefined;
}

/** Errors as of adapterTensors and packTask. */
export async function packAdapter(
  adapter: PeftAdapter,
  base: Base,
  { task, positionOffset, dtype = "float32" }: PackOptions,
): Promise<PackedTask> {
  const { manifest } = base;
  const offset = positionOffset ?? defaultPositionOffset(adapter, base);
  return packTask(
    {
      task,
      type: adapter.type,
      problem_type: adapter.problemType,
      labels: adapter.labels,
      num_virtual_tokens: adapter.numVirtualTokens,
      position_offset: offset,
      pooling: poolingOf(adapter, manifest),
      max_length: maxLengthOf(manifest.configuration) - offset,
      ...UNMEASURED,
      created: new Date().toISOString(),
    },
    manifest,
    adapterTensors(adapter, base),
    dtype,
    sha256,
  );
}
