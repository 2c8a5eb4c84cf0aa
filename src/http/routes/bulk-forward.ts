/**
 * Files and batches are another Worker's: it has its own isolates, so that a job never holds up a
 * request. Here its routes are passed on through the service binding BULK.
 */
import { NotFoundError } from "../../core/errors.ts";
import type { AppDeps, AppHandler } from "../context/context.ts";

/** Tells the other Worker that this one checks keys. */
export const DOORS_HEADER = "x-edge-prefix-doors";

const ROUTES = ["files", "uploads", "batches"];
export const BULK_PATHS: readonly string[] = ROUTES.map((name) => `/v1/${name}/*`);

/** Throws NotFoundError `bulk-off` where there is no such binding. */
export function forwardToBulk({ bulk, config }: AppDeps): AppHandler {
  return async (c) => {
    if (!bulk) {
      throw new NotFoundError(
        "bulk-off",
        "batches: this Worker has no binding BULK to the one that answers them; see docs/batches.md",
      );
    }
    // The app may be mounted below a path.
    const url = new URL(c.req.url);
    url.pathname = c.req.path.slice(c.req.path.indexOf("/v1/"));
    const request = new Request(url, c.req.raw);
    request.headers.set(DOORS_HEADER, config.keys === null ? "open" : "keys");
    const response = await bulk.fetch(request);
    return new Response(response.body, response);
  };
}
