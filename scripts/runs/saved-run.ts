/** The file of an interrupted run, replaced by rename: a crash while saving leaves the last good one. */
import { rm } from "node:fs/promises";
import { decodeRunState, encodeRunState } from "../../src/learn/loop/run-state.ts";
import type { Fingerprint, RunState } from "../../src/learn/loop/run-state.ts";
import { readIfThere, writeWhole } from "../node/files.ts";

/** Name of the saved run inside the task folder. */
export const RUN_STATE = ".run-state.safetensors";

export const saveRunState = (
  path: string,
  state: RunState,
  fingerprint: Fingerprint,
): Promise<void> => writeWhole(path, encodeRunState(state, fingerprint));

/** Reads a saved state; null when there is none. Throws what `decodeRunState` throws. */
export async function loadRunState(
  path: string,
  fingerprint: Fingerprint,
): Promise<RunState | null> {
  const bytes = await readIfThere(path);
  return bytes && decodeRunState(bytes, path, fingerprint);
}

/** Removes a finished run's state. */
export const removeRunState = (path: string): Promise<void> => rm(path, { force: true });
