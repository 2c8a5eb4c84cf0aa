/** When a browser's GPU is used, and what is said where it is not. A real one: test/browser. */
import { describe, expect, it } from "vitest";
import { findGpu, openDevice } from "../../../../src/engine/ort/webgpu/device.ts";
import type { GpuAdapter, GpuHost } from "../../../../src/engine/ort/webgpu/device.ts";

const adapter = (more: Partial<GpuAdapter> = {}): GpuAdapter => ({
  features: new Set(["shader-f16", "texture-compression-bc"]),
  limits: { maxBufferSize: 2 ** 31, maxTextureDimension1D: 8192 },
  requestDevice: () => Promise.reject(new Error("no device")),
  ...more,
});

const hostOf = (found: GpuAdapter | null, Suspending: unknown = () => undefined): GpuHost => ({
  navigator: { gpu: { requestAdapter: () => Promise.resolve(found) } },
  WebAssembly: { Suspending },
});

describe("the GPU of a browser", () => {
  it("is used where there is one, and wasm can wait for it", async () => {
    const gpu = adapter();
    expect(await findGpu(hostOf(gpu))).toBe(gpu);
  });

  it.each<[string, GpuHost, RegExp]>([
    ["no navigator.gpu", { navigator: {}, WebAssembly: {} }, /no WebGPU/],
    ["no JSPI", { ...hostOf(adapter()), WebAssembly: {} }, /JSPI/],
    ["no adapter", hostOf(null), /offers no GPU/],
    ["a software adapter", hostOf(adapter({ isFallbackAdapter: true })), /computed by the CPU/],
    [
      "one that its description calls software",
      hostOf(adapter({ info: { isFallbackAdapter: true } })),
      /computed by the CPU/,
    ],
  ])("is not used with %s, and the reason is said", async (_, host, reason) => {
    expect(await findGpu(host)).toMatch(reason);
    await expect(openDevice(host, {})).rejects.toMatchObject({
      code: "webgpu-unavailable",
      message: expect.stringMatching(reason) as string,
    });
  });

  it("may be a software adapter where that is asked for", async () => {
    const gpu = adapter({ info: { isFallbackAdapter: true } });
    expect(await findGpu(hostOf(gpu), { allowsSoftware: true })).toBe(gpu);
  });

  it("is opened with the limits and features that it has and that are of use", async () => {
    const asked: unknown[] = [];
    const device = { lost: new Promise<never>(() => undefined), destroy: () => undefined };
    const gpu = adapter({
      requestDevice(options) {
        asked.push(options);
        return Promise.resolve(device);
      },
    });
    expect(await openDevice(hostOf(gpu), {})).toBe(device);
    expect(asked).toEqual([
      { requiredFeatures: ["shader-f16"], requiredLimits: { maxBufferSize: 2 ** 31 } },
    ]);
  });

  it("that cannot be opened is not available", async () => {
    await expect(openDevice(hostOf(adapter()), {})).rejects.toMatchObject({
      code: "webgpu-unavailable",
      message: expect.stringContaining("no device") as string,
    });
  });
});
