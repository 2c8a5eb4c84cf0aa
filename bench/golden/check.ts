/** All comparisons of `bench golden`, in the order in which an error would be looked for. */
import { join } from "node:path";
import { readCheckpoint } from "../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../scripts/base/convert.ts";
import { InputError } from "../../src/core/errors.ts";
import type { Check } from "./compare.ts";
import { checkArchitectures } from "./architectures.ts";
import { checkAdapters, checkHidden } from "./encoder.ts";
import { findGolden } from "./files.ts";
import { checkGradients } from "./gradients.ts";
import { checkTokenizers } from "./tokenizer.ts";

export interface GoldenOptions {
  readonly golden: string;
  readonly checkpoint: string;
  readonly architectures: boolean;
  /** Receives one line of progress before each part. */
  readonly note: (line: string) => void;
}

/** Imports the checkpoint as fp32 and compares everything that the golden folder holds. */
export async function checkGolden(options: GoldenOptions): Promise<Check[]> {
  const { golden, checkpoint, note } = options;
  const found = await findGolden(golden);
  const checks: Check[] = [];
  if (found.tokenizer) {
    note("tokenizers");
    const { architectures } = found;
    checks.push(...(await checkTokenizers(found.tokenizer, { checkpoint, architectures })));
  }
  if (found.sets.length > 0) {
    const importOptions = { name: "golden", dtype: "fp32", created: new Date() } as const;
    const base = await importCheckpoint(
      await readCheckpoint(checkpoint, checkpoint),
      importOptions,
    );
    for (const set of found.sets) {
      note(`${set.dir}: hidden states, adapters, gradients, optimizer`);
      checks.push(...(await checkHidden(base, set)));
      checks.push(...(await checkAdapters(base, set)));
      checks.push(...(await checkGradients(base, set)));
    }
  }
  if (options.architectures) {
    const dir = found.architectures ?? (found.sets.length === 0 ? golden : null);
    if (!dir) {
      throw new InputError(
        "golden-not-found",
        `--architectures: ${golden} has no folder architectures; give its parent as --golden (${join(golden, "..")})`,
      );
    }
    note("architectures");
    checks.push(...(await checkArchitectures(dir)));
  }
  return checks;
}
