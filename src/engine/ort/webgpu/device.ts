/**
 * The GPU of this browser: whether it is worth using, and the device that a session runs on. A
 * session has a device of its own, so that its memory goes with it.
 */
import { UnavailableError } from "../../../core/errors.ts";

/** The part of WebGPU that is used here; not every host's type settings have it. */
export interface GpuDevice {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  destroy(): void;
}

export interface GpuAdapter {
  readonly features: ReadonlySet<string>;
  readonly limits: Readonly<Record<string, number>>;
  /** Browsers have moved it from the adapter to its description. */
  readonly isFallbackAdapter?: boolean;
  readonly info?: { readonly isFallbackAdapter?: boolean };
  requestDevice(options: {
    readonly requiredFeatures: readonly string[];
    readonly requiredLimits: Readonly<Record<string, number>>;
  }): Promise<GpuDevice>;
}

/** The part of a page's globals that decides. */
export interface GpuHost {
  readonly navigator?: {
    readonly gpu?: {
      requestAdapter(options: { readonly powerPreference: string }): Promise<GpuAdapter | null>;
    };
  };
  readonly WebAssembly?: { readonly Suspending?: unknown };
}

export interface GpuOptions {
  /** Takes an adapter that computes on the CPU, too; for tests, since wasm is far quicker. */
  readonly allowsSoftware?: boolean;
}

/** Features that ONNX Runtime's kernels make use of where they are. */
const FEATURES = ["shader-f16", "subgroups"];

/**
 * Limits that are raised to what the adapter has. The defaults would refuse the tables of large
 * vocabularies, and nodes that read many tensors.
 */
const LIMITS = [
  "maxBindGroups",
  "maxBufferSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
];

/** The adapter to use, or in words why WebGPU is not to be used here. */
export async function findGpu(
  host: GpuHost,
  { allowsSoftware = false }: GpuOptions = {},
): Promise<GpuAdapter | string> {
  const gpu = host.navigator?.gpu;
  if (!gpu) return "this browser has no WebGPU, or the page is not served over https";
  if (host.WebAssembly?.Suspending === undefined) {
    return "this browser cannot suspend WebAssembly (JSPI), which ONNX Runtime needs for WebGPU";
  }
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return "this browser offers no GPU";
  const isSoftware = adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter ?? false;
  if (isSoftware && !allowsSoftware) {
    return "the only GPU of this browser is computed by the CPU, which is far slower than wasm";
  }
  return adapter;
}

/** A device of the best adapter. Throws UnavailableError `webgpu-unavailable`. */
export async function openDevice(host: GpuHost, options: GpuOptions): Promise<GpuDevice> {
  const found = await findGpu(host, options);
  if (typeof found === "string") throw unavailable(found);
  const requiredFeatures = FEATURES.filter((feature) => found.features.has(feature));
  const requiredLimits = Object.fromEntries(
    LIMITS.flatMap((name) => {
      const limit = found.limits[name];
      return limit === undefined ? [] : [[name, limit]];
    }),
  );
  try {
    return await found.requestDevice({ requiredFeatures, requiredLimits });
  } catch (cause) {
    throw unavailable(`the GPU cannot be opened (${messageOf(cause)})`, cause);
  }
}

/** Why the backend "webgpu" cannot run, as an error. */
export const unavailable = (reason: string, cause?: unknown): UnavailableError =>
  new UnavailableError("webgpu-unavailable", `WebGPU: ${reason}; use the backend "wasm"`, {
    cause,
  });

export const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);
