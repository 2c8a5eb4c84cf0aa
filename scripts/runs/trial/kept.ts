/**
 * Finished trials in a folder, a JSON file each, so that an interrupted comparison goes on where it
 * stopped. A result is used only for the same settings and data.
 */
import { join } from "node:path";
import { encodeUtf8, parseJson } from "../../../src/core/text.ts";
import { readIfThere, writeWhole } from "../../node/files.ts";
import { sha256, sha256Hex } from "../../node/hash.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { fingerprintOf } from "../../../src/learn/task/train-task.ts";
import { runTrial } from "./trial-run.ts";
import type { TrialOptions, TrialResult } from "./trial-run.ts";

export interface KeptTrial {
  readonly result: TrialResult;
  /** It was finished by an earlier command. */
  readonly isOld: boolean;
}

/**
 * The result of a trial: that of `folder`, where it has one of the same settings and data, or else
 * of a run that is made, or gone on with, there. Null when the run was interrupted and saved.
 */
export async function keptTrial(
  folder: string,
  trial: Omit<TrialOptions, "out" | "fp32Base">,
): Promise<KeptTrial | null> {
  const path = join(folder, `${trial.name}.json`);
  const identity = await identityOf(trial);
  const kept = await readKept(path);
  if (kept?.identity === identity) return { result: kept.result, isOld: true };
  const result = await runTrial({ ...trial, fp32Base: null, out: join(folder, trial.name) });
  if (result === null) return null;
  await writeWhole(path, `${JSON.stringify({ identity, result }, null, 2)}\n`);
  return { result, isOld: false };
}

interface Kept {
  readonly identity: string;
  readonly result: TrialResult;
}

async function readKept(path: string): Promise<Kept | null> {
  const bytes = await readIfThere(path);
  return bytes && (parseJson(bytes, path) as Kept);
}

/** A hash of everything that a trial's result depends on. */
async function identityOf({
  prepared,
  base,
  reported,
}: Pick<TrialOptions, "prepared" | "reported"> & { readonly base: Base }): Promise<string> {
  const parts = [await fingerprintOf(prepared, base, sha256), reported?.examples ?? null];
  return sha256Hex(encodeUtf8(JSON.stringify(parts)));
}
