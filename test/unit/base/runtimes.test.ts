/** What serves a base, which Workers and the command line must agree on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { namedRuntime, runtimeNote } from "../../../scripts/base/runtimes.ts";
import { PACKAGE } from "../../../scripts/node/project.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { servingBuild } from "../../../src/engine/simd/serving-engine.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

let int8: BaseManifest;
let fp32: BaseManifest;
/** Of a head size that our own kernels do not take. */
let wide: BaseManifest;

beforeAll(async () => {
  const config = { hidden_size: 132, num_attention_heads: 1 };
  int8 = (await makeTinyBase({ dtype: "int8", seed: 1 })).manifest;
  fp32 = (await makeTinyBase({ dtype: "fp32", seed: 1 })).manifest;
  wide = (await makeTinyBase({ dtype: "int8", seed: 1, config })).manifest;
});

it("is the Worker's default engine for int8 bases, and onnxruntime-web for others", () => {
  const text = readFileSync(join(PACKAGE, "src", "default-engine.ts"), "utf8");
  expect(text).toContain("openDefaultEngine: OpenEngine = openSimd;");
  expect(namedRuntime("serving", int8)).toBe("simd");
  expect(servingBuild(int8)).toBe("simd/int16");
  expect(namedRuntime("serving", fp32)).toBe("web");
  expect(servingBuild(fp32)).toBe("ort/fp32");
});

it("is onnxruntime-web where our own kernels refuse the base's sizes, and a line says so", () => {
  expect(namedRuntime("serving", wide)).toBe("web");
  expect(servingBuild(wide)).toBe("ort/int8");
  expect(runtimeNote("serving", wide)).toMatch(
    /head_dim is 132, allowed are 128; .* onnxruntime-web computes it; a Worker needs main = "src\/worker-onnxruntime.ts"/,
  );
  expect(runtimeNote("serving", int8)).toBeNull();
  expect(runtimeNote("serving", fp32)).toBeNull();
});

it("is only what is asked for where a runtime is named", () => {
  expect(namedRuntime("node", int8)).toBe("node");
  expect(namedRuntime("simd", wide)).toBe("simd");
  expect(runtimeNote("simd", wide)).toBeNull();
});
