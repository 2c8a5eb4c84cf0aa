/**
 * Requests a caller may make, counted by the platform where the binding RATE_LIMIT is configured:
 * per key, or per address where keys are off. Counts are kept per location and are approximate.
 */
import type { MiddlewareHandler } from "hono";
import type { RateLimit } from "../settings/config.ts";
import { OverloadedError } from "../../core/errors.ts";
import type { AppContext, AppDeps, AppEnv } from "../context/context.ts";

/** Throws OverloadedError `rate-limited`, with the binding's period as the time to come back. */
export function limitRate({ config, rateLimit, log }: AppDeps): MiddlewareHandler<AppEnv> {
  return async function checkRate(c, next) {
    if (rateLimit && !(await isWithin(rateLimit, c))) {
      throw new OverloadedError(
        "rate-limited",
        `caller: has made more requests than allowed in ${config.rateLimitPeriodS} s; wait and try again`,
        { retryAfterMs: config.rateLimitPeriodS * 1000 },
      );
    }
    await next();
  };

  async function isWithin(binding: RateLimit, c: AppContext): Promise<boolean> {
    try {
      return (await binding.limit({ key: callerOf(c) })).success;
    } catch (error) {
      // Who counts is not who answers: while the counter fails, requests go on.
      log({ level: "warn", event: "rate-limit-failed", error: String(error) });
      return true;
    }
  }
}

/** Whose request it is: a key's, or an address's. The platform sets the header, so no client can choose it. */
export const callerOf = (c: AppContext): string =>
  c.var.key ? `key:${c.var.key.name}` : `address:${c.req.header("cf-connecting-ip") ?? "local"}`;
