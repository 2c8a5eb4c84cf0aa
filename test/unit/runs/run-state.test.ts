/** A saved run comes back as it was, to the last bit, or says why not; nothing is lost unasked. */
import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readPackageFile } from "../../../scripts/node/project.ts";
import { checkOutFolder, madeBy } from "../../../scripts/runs/out-folder.ts";
import { RUN_STATE, removeSavedRun } from "../../../scripts/runs/saved-run.ts";
import { openSavedRun } from "../../../src/learn/loop/saved-run.ts";
import type { SavedRunOptions } from "../../../src/learn/loop/saved-run.ts";
import type { Parameter } from "../../../src/learn/graph/parameters.ts";
import { decodeRunState, encodeRunState, readProgress } from "../../../src/learn/loop/run-state.ts";
import { keyOf } from "../../../src/learn/random.ts";
import type { RunState } from "../../../src/learn/loop/run-state.ts";
import { folderRun } from "../../../scripts/runs/saved-run.ts";

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
  averaged: { runs: 2, params: { a: new Float32Array([7, 8]), "b.c": new Float32Array(0) } },
};
const fingerprint = { seed: 1, data: "sha256:ab", base: "x@1" };
const parameters: Parameter[] = [
  { name: "a", dims: [2], start: () => new Float32Array(2), rate: 1, hasDecay: true },
  { name: "b.c", dims: [0], start: () => new Float32Array(0), rate: 1, hasDecay: true },
];

/** A folder with a saved run in it, as a program of this version left it. */
async function savedFolder(program = readPackageFile().version): Promise<string> {
  const folder = await emptyFolder();
  await writeFile(join(folder, RUN_STATE), encodeRunState(state, { program, fingerprint }));
  return folder;
}
const emptyFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "edge-prefix-run-"));

/** Opens the saved run of a folder; `notes` are the lines that a person sees. */
async function open(folder: string, options: Partial<SavedRunOptions> = {}) {
  const notes: string[] = [];
  const note = (line: string): void => void notes.push(line);
  const saved = await openSavedRun(folderRun(folder).store, {
    program: readPackageFile().version,
    fingerprint,
    resume: true,
    note,
    ...options,
  });
  return { saved, notes };
}

test("what is saved is loaded, bit for bit, with the version that saved it", () => {
  const bytes = encodeRunState(state, { program: "1.2.3", fingerprint });
  expect(decodeRunState(bytes, "x", fingerprint)).toEqual(state);
  expect(readProgress(bytes, "x")).toEqual({ step: 7, program: "1.2.3" });
  const early = { ...state, best: null, averaged: null };
  const unmeasured = encodeRunState(early, { program: "1.2.3", fingerprint });
  expect(decodeRunState(unmeasured, "x", fingerprint)).toEqual(early);
});

test("a run that goes on starts from its state, and leaves no temporary file", async () => {
  const folder = await savedFolder();
  const { saved, notes } = await open(folder);
  expect(saved.start(parameters, keyOf(0))).toEqual(state);
  expect(notes).toEqual(["resuming after step 7"]);
  expect(await readdir(folder)).toEqual([RUN_STATE]);
});

test("there is nothing to resume before the first save and after the end", async () => {
  const folder = await savedFolder();
  await removeSavedRun(folder);
  const { saved, notes } = await open(folder);
  expect(saved.state).toBeNull();
  expect(saved.start(parameters, keyOf(0))).toMatchObject({ step: 0, epoch: 0, best: null });
  expect(notes).toEqual(["nothing to resume: starting from the first step"]);
});

test("a state of a run with other options is refused, naming each difference", async () => {
  const folder = await savedFolder();
  await expect(
    open(folder, { fingerprint: { ...fingerprint, seed: 2, base: "y@2" } }),
  ).rejects.toThrow(/another run \(seed was 1, is 2; base was "x@1", is "y@2"\)/);
});

test("a state of another version of the program is named, and goes on", async () => {
  const { saved, notes } = await open(await savedFolder("0.0.9"));
  expect(saved.state).toEqual(state);
  expect(notes[1]).toMatch(/saved by edge-prefix 0\.0\.9, this is \d+\.\d+\.\d+/);
});

test("a state with other tensors than the program trains is refused, naming each", async () => {
  const { saved } = await open(await savedFolder());
  const other = [
    { ...parameters[0]!, dims: [3] },
    { ...parameters[1]!, name: "d" },
  ];
  expect(() => saved.start(other, keyOf(0))).toThrow(
    /a has 2 numbers, 3 are trained; d has no numbers, 0 are trained; b\.c has 0 numbers, none/,
  );
});

test("a run from the first step does not drop a saved one unless told", async () => {
  const folder = await savedFolder("0.0.9");
  await expect(open(folder, { resume: false })).rejects.toMatchObject({
    code: "run-saved",
    message: expect.stringMatching(
      /after step 7 by edge-prefix 0\.0\.9 .* --resume, .* --overwrite/,
    ),
  });
  const { saved, notes } = await open(folder, { resume: false, overwrite: true });
  expect(saved.state).toBeNull();
  expect(notes[0]).toMatch(/after step 7 by edge-prefix 0\.0\.9 is dropped/);
});

test("a file that is no saved run is refused, or dropped when told", async () => {
  const folder = await emptyFolder();
  await writeFile(join(folder, RUN_STATE), "{}");
  await expect(open(folder)).rejects.toMatchObject({ code: "safetensors-invalid" });
  await expect(open(folder, { resume: false })).rejects.toMatchObject({ code: "run-saved" });
  const { notes } = await open(folder, { resume: false, overwrite: true });
  expect(notes[0]).toMatch(/cannot be read is dropped/);
});

describe("an output folder", () => {
  const options = (overwrite: boolean) => {
    const notes: string[] = [];
    return { notes, given: { overwrite, note: (line: string) => void notes.push(line) } };
  };
  const holding = async (manifest: object): Promise<string> => {
    const folder = await emptyFolder();
    await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
    return folder;
  };
  const TASK = { kind: "task", task: "mood" };

  test("that is empty, new, or holds the same kind of result is written into", async () => {
    const { given, notes } = options(false);
    await checkOutFolder(await emptyFolder(), "comparison", given);
    await checkOutFolder(join(await emptyFolder(), "new"), "task", given);
    await checkOutFolder(await holding(TASK), madeBy("prefix"), given);
    expect(notes).toEqual([]);
  });

  test.each([
    ["a servable task", TASK, madeBy("full"), /the servable task "mood".*--overwrite/],
    ["a base", { kind: "base", name: "pocket" }, "task", /holds base "pocket".*--overwrite/],
    ["a task", TASK, "pretrained-prefix", /a pretrained-prefix would replace/],
  ] as const)("keeps %s unless told", async (_, manifest, makes, message) => {
    const folder = await holding(manifest);
    await expect(checkOutFolder(folder, makes, options(false).given)).rejects.toMatchObject({
      code: "folder-occupied",
      message: expect.stringMatching(message),
    });
    const { given, notes } = options(true);
    await checkOutFolder(folder, makes, given);
    expect(notes[0]).toMatch(/will be replaced/);
  });
});
