/** The engines that benchmarks set side by side, and the one that a benchmark's figures are about. */
import type { BaseManifest } from "../src/core/format/manifest.ts";
import { namedRuntime } from "../scripts/base/runtimes.ts";
import { readChoice } from "../scripts/cli/command.ts";
import type { Options } from "../scripts/cli/command.ts";

/** As in the Worker's entries, src/worker-NAME.ts. */
export const ENGINES = ["simd", "onnxruntime"] as const;
export type EngineName = (typeof ENGINES)[number];

export const ENGINE_OPTION = {
  engine: {
    type: "string",
    value: ENGINES.join("|"),
    hint: "whose figures are ours (default: the Worker's default)",
  },
} as const satisfies Options;

/** The engines that can load a base. */
export const enginesOf = (base: BaseManifest): readonly EngineName[] =>
  namedRuntime("serving", base) === "simd" ? ENGINES : ["onnxruntime"];

/** The engine that was asked for, or the Worker's default for such a base. Throws UsageError. */
export const readEngine = (value: string | undefined, base?: BaseManifest): EngineName => {
  const engines = base ? enginesOf(base) : ENGINES;
  return readChoice(value, "--engine", engines) ?? engines[0]!;
};
