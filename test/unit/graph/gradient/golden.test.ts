/**
 * Gradients and ten AdamW steps of a real checkpoint against PyTorch, tensor by tensor. Golden
 * values: torch 2.15.0, transformers 5.23.0, peft 0.21.2, float32 on CPU. Skipped where the shared
 * checkpoint and golden files are not there.
 */
import { expect, test } from "vitest";
import { findGolden } from "../../../../bench/golden/files.ts";
import { checkGradients } from "../../../../bench/golden/gradients.ts";
import { readCheckpoint } from "../../../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../../../scripts/base/convert.ts";
import { shared } from "../../../support/shared.ts";

const golden = shared("golden", "minilm");
const checkpoint = shared("models", "all-MiniLM-L6-v2");
const isAbsent = golden === undefined || checkpoint === undefined;

test.skipIf(isAbsent)("MiniLM's gradients and AdamW losses are PyTorch's", async () => {
  const { sets } = await findGolden(golden!);
  const options = { name: "golden", dtype: "fp32", created: new Date() } as const;
  const base = await importCheckpoint(await readCheckpoint(checkpoint!, "MiniLM"), options);
  const checks = await checkGradients(base, sets[0]!);
  expect(checks.length).toBeGreaterThanOrEqual(16);
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
});
