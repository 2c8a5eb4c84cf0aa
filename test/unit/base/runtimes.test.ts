/** What serves a base, which Workers and the command line must agree on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { namedRuntime } from "../../../scripts/base/runtimes.ts";
import { servingBuild } from "../../../src/core/format/serving-engine.ts";
import { PACKAGE } from "../../../scripts/node/project.ts";

it("is the Worker's default engine for int8 bases, and onnxruntime-web for others", () => {
  const text = readFileSync(join(PACKAGE, "src", "default-engine.ts"), "utf8");
  const isSimd = text.includes("openDefaultEngine: OpenEngine = openSimd;");
  expect(isSimd || text.includes("openDefaultEngine: OpenEngine = openOnnxruntime;")).toBe(true);
  expect(namedRuntime("serving", "int8")).toBe(isSimd ? "simd" : "web");
  expect(servingBuild("int8")).toBe(isSimd ? "simd/int16" : "ort/int8");
  expect(namedRuntime("serving", "fp32")).toBe("web");
  expect(servingBuild("fp32")).toBe("ort/fp32");
});

it("is only what is asked for where a runtime is named", () => {
  expect(namedRuntime("node", "int8")).toBe("node");
  expect(namedRuntime("simd", "int8")).toBe("simd");
});
