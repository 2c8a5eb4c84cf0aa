/** Schemas of GET /livez and GET /readyz. */
import * as v from "valibot";

/** Answer of GET /livez. */
export const aliveSchema = v.strictObject({ status: v.literal("alive") });

/** Answer of GET /readyz once the base is loaded. */
export const readySchema = v.strictObject({
  status: v.literal("ready"),
  base: v.string(),
  identity: v.string(),
  loaded_from: v.pipe(
    v.picklist(["image", "graph", "weights"]),
    v.description(
      "How the base came into memory: from the image beside it in the bucket, or from its graph or bare weights.",
    ),
  ),
  builds: v.optional(
    v.pipe(
      v.record(v.string(), v.string()),
      v.description("Files besides those of the identity that the engine runs, SHA-256 by name."),
    ),
  ),
  api_keys: v.picklist(["on", "off"]),
  signatures: v.pipe(
    v.picklist(["on", "off"]),
    v.description("Whether only what a trusted key has signed is served."),
  ),
  refused: v.optional(
    v.pipe(
      v.record(v.string(), v.string()),
      v.description("Pointers that are not believed, each with the code why."),
    ),
  ),
});
