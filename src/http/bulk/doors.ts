/**
 * The doors of the Worker that answers batches are the same as those of the Worker that passes requests
 * on to it. Both read the secret API_KEYS; where one has it and the other has not, nothing is let in.
 */
import type { MiddlewareHandler } from "hono";
import { UnavailableError } from "../../core/errors.ts";
import type { AppEnv } from "../context/context.ts";
import { DOORS_HEADER } from "../routes/bulk-forward.ts";
import type { BulkDeps } from "./bulk-deps.ts";

/** Throws UnavailableError `bulk-keys-missing`. */
export function requireSameDoors({ config }: BulkDeps): MiddlewareHandler<AppEnv> {
  return async function checkDoors(c, next) {
    if (config.keys === null && c.req.header(DOORS_HEADER) === "keys") {
      throw new UnavailableError(
        "bulk-keys-missing",
        "batches: the Worker that answers them has no API_KEYS; set the same secret there",
      );
    }
    await next();
  };
}
