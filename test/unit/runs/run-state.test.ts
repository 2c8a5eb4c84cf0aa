/** A saved run comes back as it was, to the last bit, or says why it does not. */
import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadRunState, removeRunState, saveRunState } from "../../../scripts/runs/saved-run.ts";
import type { RunState } from "../../../src/learn/loop/run-state.ts";

const state: RunState = {
  step: 7,
  epoch: 1,
  batch: 3,
  lossSum: 1 / 3,
  history: [{ epoch: 1, loss: 0.1 + 0.2, score: 2 / 3 }],
  params: { a: new Float32Array([1.1, -0]), "b.c": new Float32Array(0) },
  optimizer: {
    step: 7,
    mean: { a: new Float32Array([0.1, 1e-40]), "b.c": new Float32Array(0) },
    variance: { a: new Float32Array([3, 4]), "b.c": new Float32Array(0) },
  },
  best: {
    epoch: 1,
    score: 2 / 3,
    params: { a: new Float32Array([5, 6]), "b.c": new Float32Array(0) },
  },
};
const fingerprint = { seed: 1, data: "sha256:ab", base: "x@1" };
const scratch = async (): Promise<string> =>
  join(await mkdtemp(join(tmpdir(), "edge-prefix-run-")), ".run-state.safetensors");

test("what is saved is loaded, bit for bit, and leaves no temporary file", async () => {
  const path = await scratch();
  await saveRunState(path, state, fingerprint);
  expect(await loadRunState(path, fingerprint)).toEqual(state);
  await saveRunState(path, { ...state, best: null }, fingerprint);
  expect((await loadRunState(path, fingerprint))!.best).toBeNull();
  expect(await readdir(join(path, ".."))).toEqual([".run-state.safetensors"]);
});

test("there is nothing to resume before the first save and after the end", async () => {
  const path = await scratch();
  expect(await loadRunState(path, fingerprint)).toBeNull();
  await saveRunState(path, state, fingerprint);
  await removeRunState(path);
  expect(await loadRunState(path, fingerprint)).toBeNull();
});

test("a state of a run with other options is refused, naming each difference", async () => {
  const path = await scratch();
  await saveRunState(path, state, fingerprint);
  await expect(loadRunState(path, { ...fingerprint, seed: 2, base: "y@2" })).rejects.toThrow(
    /another run \(seed was 1, is 2; base was "x@1", is "y@2"\)/,
  );
});

test("a file that is no saved run is refused", async () => {
  const path = await scratch();
  await writeFile(path, "{}");
  await expect(loadRunState(path, fingerprint)).rejects.toMatchObject({
    code: "safetensors-invalid",
  });
});
