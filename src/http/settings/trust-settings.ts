/** TRUSTED_KEYS and TRUSTED_SINCE: whose signatures a Worker believes, and from when on. */
import { FormatError } from "../../core/errors.ts";
import { checkPublicKeys } from "../../core/signing/keys.ts";
import type { TrustSettings } from "../../serve/trust.ts";

const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z)?$/;

/** The settings, null where no keys are set; what is wrong with them is added to `wrong`. */
export function readTrust(
  env: Readonly<Record<string, unknown>>,
  wrong: string[],
): TrustSettings | null {
  const keys = env["TRUSTED_KEYS"] ?? "";
  const since = env["TRUSTED_SINCE"] ?? "";
  if (
    since !== "" &&
    (typeof since !== "string" || !TIME.test(since) || isNaN(Date.parse(since)))
  ) {
    wrong.push(
      `TRUSTED_SINCE is ${JSON.stringify(since)}, expected a time such as 2026-11-28T10:00:00Z`,
    );
  }
  if (keys === "") {
    if (since !== "") wrong.push("TRUSTED_SINCE is set without TRUSTED_KEYS");
    return null;
  }
  // A variable of wrangler.toml may be a list or an object, too.
  const text = typeof keys === "string" ? keys : JSON.stringify(keys);
  try {
    checkPublicKeys(text, "TRUSTED_KEYS");
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    wrong.push(error.message);
  }
  return { keys: text, since: typeof since === "string" && since !== "" ? since : null };
}
