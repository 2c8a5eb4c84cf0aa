/** --runtime: what computes the base. */
import { RUNTIMES, RUNTIME_TITLES } from "../base/runtimes.ts";
import type { Runtime } from "../base/runtimes.ts";
import { readChoice } from "./command.ts";
import type { Options } from "./command.ts";

export const RUNTIME_OPTION = {
  runtime: {
    type: "string",
    value: RUNTIMES.join("|"),
    hint: `${RUNTIMES.map((name) => `${name}: ${RUNTIME_TITLES[name]}`).join("; ")} (default: what serves the base)`,
  },
} as const satisfies Options;

/** The runtime that was asked for. Throws UsageError. */
export const readRuntime = (value: string | undefined): Runtime =>
  readChoice(value, "--runtime", RUNTIMES) ?? "serving";
