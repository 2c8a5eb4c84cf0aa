/** The architectures that can be imported, by the `model_type` of config.json. */
import { FormatError } from "../../core/errors.ts";
import type { Architecture } from "./architecture.ts";
import { bert } from "./bert.ts";
import { distilbert } from "./distilbert.ts";
import { electra } from "./electra.ts";
import { eurobert } from "./eurobert.ts";
import { modernbert } from "./modernbert.ts";
import { roberta, xlmRoberta } from "./roberta.ts";

export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  bert,
  distilbert,
  electra,
  eurobert,
  modernbert,
  roberta,
  "xlm-roberta": xlmRoberta,
};

/** The architecture that a parsed config.json names; throws `architecture-unsupported`. */
export function architectureOf(config: unknown): Architecture {
  const found =
    typeof config === "object" && config !== null && "model_type" in config
      ? config.model_type
      : undefined;
  if (typeof found === "string" && Object.hasOwn(ARCHITECTURES, found)) {
    return ARCHITECTURES[found]!;
  }
  throw new FormatError(
    "architecture-unsupported",
    `config.json: model_type is ${JSON.stringify(found) ?? "missing"}; supported are ${Object.keys(ARCHITECTURES).join(", ")}`,
  );
}
