/**
 * Whether a base should be served: how near it is to its checkpoint, and whether it fits an isolate.
 * Quantized models that load and answer noise are worse than none, so `push --base` refuses what falls
 * below a floor unless it is told otherwise.
 */
import { FormatError, LimitError } from "../../src/core/errors.ts";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import type { BaseManifest, Fidelity } from "../../src/core/format/manifest.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import type { EncoderConfig } from "../../src/encoder/families/architecture.ts";
import type { TableForm } from "../../src/encoder/quantize-weights.ts";
import { servingEngine } from "../../src/engine/simd/serving-engine.ts";
import { forecastLine, forecastOf, remedyFor } from "./forecast.ts";
import type { Forecast } from "./forecast.ts";

/** The least that an int8 base must have of its checkpoint: cosine of states, texts with the same neighbour. */
export const FLOOR = { cosine: 0.98, same_neighbours: 0.9 } as const;

export const fidelityLine = ({ cosine, worst_cosine: worst, same_neighbours: same }: Fidelity) =>
  `int8 against fp32: hidden states have cosine ${cosine.toFixed(4)} on average, ${worst.toFixed(4)} at worst; ${(100 * same).toFixed(0)} % of the texts keep their nearest neighbour`;

/** The forecast of a base that our own kernels serve; null for others. */
export function forecastOfBase(manifest: BaseManifest): Forecast | null {
  if (servingEngine(manifest) !== "simd") return null;
  const config = configOf(manifest);
  return forecastOf(config, tablesOf(manifest, config));
}

/** Why a base should not be served, one sentence for each reason. */
export function doubtsAbout(manifest: BaseManifest): string[] {
  const { fidelity } = manifest;
  const isNear =
    !fidelity ||
    (fidelity.cosine >= FLOOR.cosine && fidelity.same_neighbours >= FLOOR.same_neighbours);
  const forecast = forecastOfBase(manifest);
  return [
    ...(isNear ? [] : [farLine(fidelity)]),
    ...(forecast && !forecast.fits ? [sizeLine(manifest, forecast)] : []),
  ];
}

/**
 * Throws FormatError `base-inaccurate` for a base that is too far from its checkpoint, and LimitError
 * `base-too-large` for one that is not expected to fit an isolate.
 */
export function checkFitness(manifest: BaseManifest): void {
  const [doubt] = doubtsAbout(manifest);
  if (doubt === undefined) return;
  const subject = `base ${shortIdentity(manifest)}: ${doubt}`;
  const forecast = forecastOfBase(manifest);
  if (forecast?.fits === false) throw new LimitError("base-too-large", subject);
  throw new FormatError("base-inaccurate", subject);
}

const farLine = (fidelity: Fidelity): string =>
  `${fidelityLine(fidelity)}; expected are ${FLOOR.cosine} and ${100 * FLOOR.same_neighbours} %, so its answers would differ from the checkpoint's; push it all the same with --allow-doubtful`;

function sizeLine(manifest: BaseManifest, forecast: Forecast): string {
  const config = configOf(manifest);
  const remedy = remedyFor(config, tablesOf(manifest, config));
  return `${forecastLine(forecast)}; ${remedy ?? "choose a smaller checkpoint"}, or push it all the same with --allow-doubtful`;
}

const configOf = ({ configuration }: BaseManifest): EncoderConfig =>
  architectureOf(configuration).readConfig(configuration);

/** How the tables are stored, by the bytes that there are: a manifest does not say it. */
function tablesOf({ weights, files }: BaseManifest, config: EncoderConfig): TableForm {
  const stored = weights.reduce((sum, name) => sum + files[name]!.bytes, 0);
  const bytesOf = (tables: TableForm): number => forecastOf(config, tables).weights;
  const distance = (tables: TableForm): number => Math.abs(stored - bytesOf(tables));
  return distance("compact") < distance("int8") ? "compact" : "int8";
}
