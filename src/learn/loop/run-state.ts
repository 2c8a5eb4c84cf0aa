/**
 * A training run as plain data, so that an interrupted run goes on bit for bit: parameters,
 * optimizer moments, the best parameters so far, and where in which epoch the run stands. Nothing
 * else has a memory: batches and dropout follow from seed, epoch and step (random.ts). Its form on
 * disk is one safetensors file.
 */
import { FormatError, MismatchError } from "../../core/errors.ts";
import { readSafetensors, writeSafetensors } from "../../core/format/safetensors.ts";
import { sizeOf } from "../../core/model/shapes.ts";
import { float32, toFloat32 } from "../../core/model/tensor.ts";
import type { Tensor } from "../../core/model/tensor.ts";
import type { AdamwState } from "./optim.ts";
import type { Arrays, Parameter } from "../graph/parameters.ts";

/** One finished epoch. */
export interface EpochRecord {
  readonly epoch: number; // from 1
  /** Mean training loss over the epoch's steps. */
  readonly loss: number;
  /** The number by which the best epoch is chosen; higher is better. */
  readonly score: number;
  /** What else was measured. */
  readonly measures?: Readonly<Record<string, number>>;
}

export interface RunState {
  /** Steps made in all epochs. */
  readonly step: number;
  /** Epoch in progress, from 0, and the batches of it that are done. */
  readonly epoch: number;
  readonly batch: number;
  /** Sum of the losses of those batches. */
  readonly lossSum: number;
  readonly history: readonly EpochRecord[];
  readonly params: Arrays;
  readonly optimizer: AdamwState;
  /** Parameters after the best epoch; null before the first evaluation. */
  readonly best: { readonly epoch: number; readonly score: number; readonly params: Arrays } | null;
  /** Mean of the best parameters of the runs that are over; null before the first of an average is. */
  readonly averaged: { readonly runs: number; readonly params: Arrays } | null;
}

const FORMAT = "edge-prefix run";
const VERSION = "3";

/** Everything that the course of a run depends on; a saved state only fits a run with the same. */
export type Fingerprint = Readonly<Record<string, string | number | boolean | null>>;

/** Where a state is from. */
export interface RunOrigin {
  /** Version of the program that saved it. */
  readonly program: string;
  readonly fingerprint: Fingerprint;
}

/** The bytes of a state's file. */
export function encodeRunState(state: RunState, { program, fingerprint }: RunOrigin): Uint8Array {
  const tensors = new Map<string, Tensor>();
  const put = (group: string, arrays: Arrays): void => {
    for (const [name, values] of Object.entries(arrays)) {
      tensors.set(`${group}/${name}`, float32([values.length], values));
    }
  };
  put("params", state.params);
  put("mean", state.optimizer.mean);
  put("variance", state.optimizer.variance);
  if (state.best) put("best", state.best.params);
  if (state.averaged) put("averaged", state.averaged.params);
  const progress: Progress = {
    step: state.step,
    epoch: state.epoch,
    batch: state.batch,
    lossSum: state.lossSum,
    history: state.history,
    updates: state.optimizer.step,
    best: state.best && { epoch: state.best.epoch, score: state.best.score },
    averaged: state.averaged && { runs: state.averaged.runs },
  };
  return writeSafetensors(tensors, {
    format: FORMAT,
    version: VERSION,
    program,
    progress: JSON.stringify(progress),
    fingerprint: JSON.stringify(fingerprint),
  });
}

/** The part of a state that is numbers, as it is written. */
interface Progress {
  readonly step: number;
  readonly epoch: number;
  readonly batch: number;
  readonly lossSum: number;
  readonly history: readonly EpochRecord[];
  readonly updates: number;
  readonly best: { readonly epoch: number; readonly score: number } | null;
  readonly averaged: { readonly runs: number } | null;
}

/**
 * Reads a saved state. Throws MismatchError `run-state-mismatch` listing what differs when it belongs
 * to another run, FormatError when it cannot be read.
 */
export function decodeRunState(
  bytes: Uint8Array,
  path: string,
  fingerprint: Fingerprint,
): RunState {
  const { tensors, metadata } = readStateFile(bytes, path);
  checkFingerprint(path, JSON.parse(metadata["fingerprint"] ?? "{}") as Fingerprint, fingerprint);
  const progress = JSON.parse(metadata["progress"] ?? "{}") as Progress;
  const group = (name: string): Record<string, Float32Array> =>
    Object.fromEntries(
      [...tensors]
        .filter(([key]) => key.startsWith(`${name}/`))
        .map(([key, tensor]) => [key.slice(name.length + 1), toFloat32(tensor)]),
    );
  const { updates, best, averaged, ...where } = progress;
  return {
    ...where,
    params: group("params"),
    optimizer: { step: updates, mean: group("mean"), variance: group("variance") },
    best: best && { ...best, params: group("best") },
    averaged: averaged && { ...averaged, params: group("averaged") },
  };
}

/** How far a saved run is, and which version of the program saved it. */
export function readProgress(
  bytes: Uint8Array,
  path: string,
): { readonly step: number; readonly program: string } {
  const { metadata } = readStateFile(bytes, path);
  const { step } = JSON.parse(metadata["progress"] ?? "{}") as Progress;
  return { step, program: metadata["program"] ?? "unknown" };
}

function readStateFile(bytes: Uint8Array, path: string): ReturnType<typeof readSafetensors> {
  const file = readSafetensors(bytes, path);
  const { format, version } = file.metadata;
  if (format === FORMAT && version === VERSION) return file;
  throw new FormatError(
    "run-state-invalid",
    `${path}: is ${format ?? "no saved run"} ${version ?? ""}, expected ${FORMAT} ${VERSION}; start from the first step with --overwrite`,
  );
}

/**
 * Checks that a state holds exactly the tensors that are trained. Throws MismatchError
 * `run-state-mismatch`: the program that saved it trained others.
 */
export function checkParameters(
  path: string,
  { params }: RunState,
  parameters: readonly Pick<Parameter, "name" | "dims">[],
): void {
  const expected = new Map(parameters.map(({ name, dims }) => [name, sizeOf(dims)]));
  const names = new Set([...expected.keys(), ...Object.keys(params)]);
  const different = [...names].filter((name) => params[name]?.length !== expected.get(name));
  if (different.length === 0) return;
  const list = different.map(
    (name) =>
      `${name} has ${params[name]?.length ?? "no"} numbers, ${expected.get(name) ?? "none"} are trained`,
  );
  throw new MismatchError(
    "run-state-mismatch",
    `${path}: was saved by a program that trains other tensors (${list.join("; ")}); start from the first step with --overwrite`,
  );
}

function checkFingerprint(path: string, found: Fingerprint, expected: Fingerprint): void {
  const names = new Set([...Object.keys(found), ...Object.keys(expected)]);
  const different = [...names].filter((name) => found[name] !== expected[name]);
  if (different.length === 0) return;
  const list = different.map(
    (name) => `${name} was ${JSON.stringify(found[name])}, is ${JSON.stringify(expected[name])}`,
  );
  throw new MismatchError(
    "run-state-mismatch",
    `${path}: belongs to another run (${list.join("; ")}); use the same options and data, or start from the first step with --overwrite`,
  );
}
