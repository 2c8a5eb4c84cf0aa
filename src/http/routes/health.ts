/** GET /livez (is the isolate alive?) and /readyz (is the base loaded?). */
import { UnavailableError } from "../../core/errors.ts";
import { holdOf } from "../context/context.ts";
import type { AppDeps, AppHandler } from "../context/context.ts";

/** Never waits for anything. */
export const live: AppHandler = (c) => c.json({ status: "alive" });

/** Starts the load of the base and says at once whether it is there. */
export function ready({ config, models, trust }: AppDeps): AppHandler {
  return (c) => {
    const before = models.status;
    if (!models.ready) {
      // Why the load failed is told by `status`, here and to the next who ask.
      holdOf(c)(models.get(holdOf(c)).catch(() => undefined));
    }
    if (!models.ready) {
      // A load that begins anew must not hide why the last one failed.
      const { state, detail } = before.state === "failed" ? before : models.status;
      throw new UnavailableError("base-not-ready", `base: ${state} (${detail})`);
    }
    const { manifest, encoder, builds = {} } = models.ready;
    const { name, identity } = manifest;
    const keys = config.keys === null ? "off" : "on";
    return c.json({
      status: "ready",
      base: name,
      identity,
      loaded_from: encoder.loadedFrom,
      ...(Object.keys(builds).length > 0 ? { builds } : {}),
      api_keys: keys,
      signatures: trust ? "on" : "off",
      // Answers of these tasks come from the last good version, if from any.
      ...(trust && trust.refused.size > 0 ? { refused: Object.fromEntries(trust.refused) } : {}),
    });
  };
}
