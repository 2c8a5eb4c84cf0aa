/**
 * onnxruntime-web on WebGPU: the build that suspends wasm while the GPU computes (JSPI), whose wasm
 * file fits the limit of a static asset. It is imported when the first base is loaded.
 *
 * A device can be lost at any time: the driver is reset, the computer sleeps, memory runs out. Then
 * every run fails with UnavailableError `webgpu-device-lost`, and the encoder can only be released.
 */
import type { InferenceSession } from "onnxruntime-web";
import { UnavailableError } from "../../../core/errors.ts";
import type { Engine } from "../../engine.ts";
import type { GraphFiles, Session } from "../../session.ts";
import { configure, externalData, wrapSession } from "../session.ts";
import { messageOf, openDevice } from "./device.ts";
import type { GpuDevice, GpuHost, GpuOptions } from "./device.ts";
import { gpuEngine } from "./engine.ts";

type Ort = typeof import("onnxruntime-web/jspi");

export interface WebgpuOptions extends GpuOptions {
  /** Where the wasm file of the JSPI build is served. */
  readonly wasmUrl: string;
}

let importing: Promise<Ort> | undefined;

/**
 * The engine of this page or Web Worker. Loading a base throws UnavailableError
 * `webgpu-unavailable` where there is no GPU to use, `runtime-failed` where ONNX Runtime cannot
 * load the graph, and what gpuEngine throws.
 */
export const webgpuEngine = (options: WebgpuOptions): Engine =>
  gpuEngine(async (files) => {
    const device = await openDevice(globalThis as GpuHost, options);
    try {
      const ort = await (importing ??= importRuntime(options.wasmUrl));
      const session = await ort.InferenceSession.create(files.graph, optionsOf(files, device));
      const wrapped = wrapSession(session, { Tensor: ort.Tensor, heapBytes: () => 0 });
      return onDevice(wrapped, device);
    } catch (cause) {
      device.destroy();
      throw new UnavailableError(
        "runtime-failed",
        `ONNX Runtime: cannot load the graph on WebGPU (${messageOf(cause)})`,
        { cause },
      );
    }
  });

async function importRuntime(wasmUrl: string): Promise<Ort> {
  const ort = await import("onnxruntime-web/jspi");
  configure(ort.env);
  ort.env.wasm.wasmPaths = { wasm: wasmUrl };
  return ort;
}

const optionsOf = (
  { weights }: GraphFiles,
  device: GpuDevice,
): InferenceSession.SessionOptions => ({
  executionProviders: [{ name: "webgpu", device: device as never }],
  // Folds constants; the graph is otherwise written as the provider runs it.
  graphOptimizationLevel: "basic",
  externalData: externalData(weights),
  // A warning would tell that shapes are worked out on the CPU, as they are meant to be.
  logSeverityLevel: 3,
});

/** A session that knows of the loss of its device, and takes the device with it. */
function onDevice(session: Session, device: GpuDevice): Session {
  let lost: UnavailableError | null = null;
  const loss = device.lost.then(({ message }) => {
    lost = new UnavailableError(
      "webgpu-device-lost",
      `WebGPU: the GPU was taken from this page (${message || "no reason given"}); load the base again, or use the backend "wasm"`,
    );
    return lost;
  });
  /** Runs that ONNX Runtime has not ended: it must not be called meanwhile. */
  let running = 0;

  async function end(run: Promise<unknown>): Promise<void> {
    await run.catch(() => undefined);
    running--;
  }

  return {
    ...session,
    async run(feeds, fetches) {
      if (lost) throw lost;
      running++;
      const run = session.run(feeds, fetches);
      const ended = end(run);
      try {
        // On a lost device a run fails in its own words, and might not end at all.
        await Promise.race([ended, loss.then(() => delay(LOST_RUN_MS))]);
        if (!lost) return await run;
      } catch (cause) {
        // Its failure may be told before the loss that was the reason.
        await Promise.race([loss, delay(LOSS_MS)]);
        throw lost ?? runFailed(cause);
      }
      throw lost;
    },
    async release() {
      try {
        if (running === 0) await session.release();
      } finally {
        device.destroy();
      }
    },
  };
}

/** How long a run may take to end after its device was lost. */
const LOST_RUN_MS = 2000;
/** How long after a failed run the loss of its device may be told. */
const LOSS_MS = 100;

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const runFailed = (cause: unknown): UnavailableError =>
  new UnavailableError("run-failed", `run: WebGPU cannot compute it (${messageOf(cause)})`, {
    cause,
  });
