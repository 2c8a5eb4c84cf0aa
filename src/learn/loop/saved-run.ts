/**
 * The saved run of training, pretraining and distillation, which a run that was interrupted goes on
 * from. Where it is kept is the caller's business: a file, or the storage of a browser.
 */
import { InputError } from "../../core/errors.ts";
import { initialParams } from "../graph/parameters.ts";
import type { Arrays, Parameter } from "../graph/parameters.ts";
import type { Key } from "../random.ts";
import type { ParameterGroup } from "./optim.ts";
import { checkParameters, decodeRunState, encodeRunState, readProgress } from "./run-state.ts";
import type { Fingerprint, RunState } from "./run-state.ts";
import { startState, train } from "./trainer.ts";
import type { Hooks, Plan } from "./trainer.ts";

/** Where one saved run is kept. Writing replaces it whole or leaves the last one. */
export interface RunStore {
  /** For messages: a path, or what stands for one. */
  readonly name: string;
  read(): Promise<Uint8Array | null>;
  write(bytes: Uint8Array): Promise<void>;
}

export interface SavedRunOptions {
  /** Everything that the course of the run depends on. */
  readonly fingerprint: Fingerprint;
  /** The release that runs, for a note where another one has saved the run. */
  readonly program: string;
  /** Go on with the run that is saved. */
  readonly resume: boolean;
  /** Start from the first step although a run is saved. */
  readonly overwrite?: boolean | undefined;
  readonly note: (line: string) => void;
}

export interface SavedRun {
  /** The state to go on from; null for a run from the first step. */
  readonly state: RunState | null;
  /** That state, or the one before the first step. */
  start(parameters: readonly Parameter[], key: Key, known?: Arrays): RunState;
  /** THE LOOP (trainer.ts) from `start`, saved on the way and, for what is measured later, at the end. */
  train(
    start: RunState,
    plan: Plan,
    hooks: Omit<Hooks, "save">,
  ): Promise<{ readonly state: RunState; readonly isDone: boolean }>;
}

/** Throws InputError `run-saved` where a run is saved and neither `resume` nor `overwrite` is asked for. */
export async function checkSavedRun(
  store: RunStore,
  { resume, overwrite }: Pick<SavedRunOptions, "resume" | "overwrite">,
): Promise<void> {
  const bytes = resume || overwrite ? null : await store.read();
  if (!bytes) return;
  throw new InputError(
    "run-saved",
    `${store.name}: ${describe(bytes, store.name)} stands here; go on with it by --resume, or drop it by --overwrite`,
  );
}

/**
 * Opens the saved run of a store. Throws what `checkSavedRun` does. With `resume` it throws MismatchError `run-state-mismatch`
 * for a run of other settings or data, FormatError for a file that cannot be read.
 */
export async function openSavedRun(
  store: RunStore,
  { fingerprint, program, resume, overwrite, note }: SavedRunOptions,
): Promise<SavedRun> {
  const { name: path } = store;
  await checkSavedRun(store, { resume, overwrite });
  const bytes = await store.read();
  if (bytes && !resume) note(`${path}: ${describe(bytes, path)} is dropped`);
  const state = bytes && resume ? decodeRunState(bytes, path, fingerprint) : null;
  if (state && bytes) {
    const { program: before } = readProgress(bytes, path);
    note(`resuming after step ${state.step}`);
    if (before !== program) {
      note(
        `the run was saved by edge-prefix ${before}, this is ${program}: its result may differ from that of a run in one piece`,
      );
    }
  } else if (resume) note("nothing to resume: starting from the first step");

  let savedStep = state?.step ?? null;
  const save = async (now: RunState): Promise<void> => {
    try {
      await store.write(encodeRunState(now, { program, fingerprint }));
      savedStep = now.step;
    } catch (error) {
      note(
        savedStep === null
          ? `the run stopped after step ${now.step}; no state of it is saved`
          : `the run stopped after step ${now.step}; the state of step ${savedStep} is kept, and --resume goes on from it`,
      );
      throw error;
    }
  };
  return {
    state,
    start(parameters, key, known = {}) {
      if (!state) return startState({ ...initialParams(parameters, key), ...known });
      checkParameters(path, state, parameters);
      return state;
    },
    async train(start, plan, hooks) {
      const result = await train(start, plan, { ...hooks, save });
      // The last measurements may fail or be interrupted: the trained parameters are not lost.
      if (result.isDone) await save(result.state);
      return result;
    },
  };
}

function describe(bytes: Uint8Array, path: string): string {
  try {
    const { step, program } = readProgress(bytes, path);
    return `a run saved after step ${step} by edge-prefix ${program}`;
  } catch {
    return "a saved run that cannot be read";
  }
}

/** Learning rates and decay of parameters, for a plan. */
export const groupsOf = (
  parameters: readonly Parameter[],
): Readonly<Record<string, ParameterGroup>> =>
  Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter]));
