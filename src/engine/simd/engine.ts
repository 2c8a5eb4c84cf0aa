/**
 * The engine of our own kernels: a base's weights go from its files into the kernels' memory as they
 * arrive, and the same wasm gives the same bits on every host.
 */
import { EdgePrefixError, FormatError, LimitError } from "../../core/errors.ts";
import { shortIdentity } from "../../core/format/manifest.ts";
import type { BaseManifest } from "../../core/format/manifest.ts";
import type { EncoderConfig } from "../../encoder/families/architecture.ts";
import { architectureOf } from "../../encoder/families/families.ts";
import { deltaSpecs } from "../../encoder/forms/deltas.ts";
import type { TensorSpec } from "../../encoder/layers/tensor-spec.ts";
import type { BaseSource, Engine } from "../engine.ts";
import { Angles } from "./angles.ts";
import { simdEncoder } from "./encoder.ts";
import { frameBytes } from "./frame.ts";
import { Heap, PlaceCount } from "./heap.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { layOut } from "./layout.ts";
import { WeightLoader } from "./loader.ts";
import type { Machine } from "./run.ts";
import { kernelConfig } from "./supported.ts";
import type { TensorStream } from "./tensor-stream.ts";

export interface SimdOptions {
  /** New kernels, with a memory of their own. */
  readonly kernels: () => Kernels;
  /** How large the memory of a base may become. */
  readonly maxBytes: number;
}

/** The least that a base must be able to do beside lying in the memory: tokens, virtual tokens. */
const SMALLEST_RUN = [128, 128] as const;

/**
 * The engine over one build of the kernels. A base is refused when it is loaded, and the same base would be
 * refused again: by FormatError `engine-unsupported` for an encoder or a dtype that the kernels do not
 * know, LimitError `base-too-large`, FormatError `weights-invalid` for files that are whole, yet not
 * those of its configuration.
 */
export function simdEngine(options: SimdOptions): Engine {
  return {
    async prepare(base) {
      const manifest = await base.manifest;
      const machine = await read(base, manifest, options);
      return machine instanceof Refusal
        ? () => Promise.reject(machine.error)
        : () => Promise.resolve(simdEncoder(machine));
    },
  };
}

/** Why a base is not loaded. What its source throws is no refusal, and is thrown on. */
class Refusal {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** What `make` gives, or the refusal that its error is. */
function attempt<T>(make: () => T): T | Refusal {
  try {
    return make();
  } catch (error) {
    if (error instanceof EdgePrefixError) return new Refusal(error);
    throw error;
  }
}

/** Reads all weights, one file after the other. */
async function read(
  base: BaseSource,
  manifest: BaseManifest,
  { kernels: instantiate, maxBytes }: SimdOptions,
): Promise<Machine | Refusal> {
  const config = attempt(() => kernelConfig(manifest));
  if (config instanceof Refusal) return config;
  const kernels = instantiate();
  const heap = new Heap(kernels, maxBytes);
  const fits = attempt(() => checkSize(manifest, config, maxBytes - heap.top));
  if (fits instanceof Refusal) return fits;
  const loader = new WeightLoader(kernels, heap, layOut(config, deltasOf(config), heap));
  const invalid = ({ error }: Refusal): Refusal => new Refusal(weightsInvalid(manifest, error));
  for (const name of manifest.weights) {
    const file = loader.open(name, manifest.files[name]!.bytes);
    const refusal = await readFile(base.stream(name), file);
    if (refusal) return invalid(refusal);
  }
  const model = attempt(() => loader.finish());
  if (model instanceof Refusal) return invalid(model);
  return { kernels, heap, model, angles: new Angles(model.head) };
}

/**
 * Hands a file's pieces to the loader. What the loader refuses is read to its end all the same: only
 * then it is known that the file itself, and not its transport, is to blame.
 */
async function readFile(
  pieces: AsyncIterable<Uint8Array>,
  file: TensorStream,
): Promise<Refusal | null> {
  let refusal: Refusal | null = null;
  const tell = (step: () => void): void => {
    const told = refusal ?? attempt(step);
    if (told instanceof Refusal) refusal = told;
  };
  for await (const piece of pieces) tell(() => file.write(piece));
  tell(() => file.end());
  return refusal;
}

/** Throws LimitError `base-too-large` before a byte of it is read, and what layOut throws. */
function checkSize(manifest: BaseManifest, config: EncoderConfig, maxBytes: number): void {
  const count = new PlaceCount();
  const { shape } = layOut(config, deltasOf(config), count);
  const stored = manifest.weights.reduce((sum, name) => sum + manifest.files[name]!.bytes, 0);
  const weights = Math.max(stored, count.bytes);
  const run = frameBytes(shape, ...SMALLEST_RUN);
  if (weights + run <= maxBytes) return;
  throw new LimitError(
    "base-too-large",
    `base ${shortIdentity(manifest)}: needs ${weights + run} bytes of memory (${weights} for its weights, ${run} for a run of ${SMALLEST_RUN[0]} tokens), allowed are ${maxBytes}; serve a smaller base`,
  );
}

const deltasOf = (config: EncoderConfig): TensorSpec[] =>
  deltaSpecs(architectureOf({ model_type: config.modelType }), config);

function weightsInvalid(manifest: BaseManifest, cause: unknown): FormatError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FormatError(
    "weights-invalid",
    `base ${shortIdentity(manifest)}: its weights cannot be used (${reason}); import it again`,
    { cause },
  );
}
