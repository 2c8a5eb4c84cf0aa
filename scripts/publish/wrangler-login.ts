/**
 * The deployed bucket through wrangler's login (`wrangler login`, or CLOUDFLARE_API_TOKEN), for a
 * machine without S3 credentials.
 *
 * This is a remote binding: for as long as the command runs, wrangler keeps a small proxy Worker in
 * the account, and a local R2 binding speaks R2's own protocol through it. Conditional writes, lists
 * and deletions are therefore those of the deployed bucket. The login must be allowed to edit Workers.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { R2Bucket } from "@cloudflare/workers-types";
import { UnavailableError } from "../../src/core/errors.ts";
import { loadOptional } from "../node/optional-package.ts";
import type { PublishBucket } from "./bucket.ts";
import { publishBucketOf } from "./r2-bucket.ts";

export interface LoginOptions {
  readonly bucket: string;
  /** From the project's wrangler configuration; without it wrangler asks the login. */
  readonly accountId: string | undefined;
}

const MAX_MESSAGE = 400;
const COMPATIBILITY_DATE = "2026-10-01";

/** The configuration of a project that has nothing but the deployed bucket. */
const loginConfiguration = ({ bucket, accountId }: LoginOptions): object => ({
  name: "edge-prefix-push",
  compatibility_date: COMPATIBILITY_DATE,
  ...(accountId !== undefined && { account_id: accountId }),
  r2_buckets: [{ binding: "BUCKET", bucket_name: bucket, remote: true }],
});

/**
 * Opens the bucket (some seconds); `close` ends the proxy. Throws UnavailableError
 * `bucket-unavailable` or `package-missing`.
 */
export async function openThroughWrangler(
  options: LoginOptions,
): Promise<PublishBucket & { close(): Promise<void> }> {
  const { bucket: name } = options;
  // Failures of wrangler are thrown here, and its log would end up in the output of the command.
  process.env.WRANGLER_LOG ??= "none";
  process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= "false";
  const { getPlatformProxy } = await loadOptional("wrangler", () => import("wrangler"));
  const folder = await mkdtemp(join(tmpdir(), "edge-prefix-push-"));
  try {
    const configPath = join(folder, "wrangler.json");
    await writeFile(configPath, JSON.stringify(loginConfiguration(options)));
    const proxy = await getPlatformProxy<{ BUCKET: R2Bucket }>({
      configPath,
      persist: false,
      remoteBindings: true,
    });
    return { ...readable(publishBucketOf(proxy.env.BUCKET), name), close: () => proxy.dispose() };
  } catch (cause) {
    throw unavailable(
      name,
      cause,
      "; run npx wrangler login, or set R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY",
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The bucket with errors of its reads that name it; writes are tried again in bucket.ts. */
function readable(bucket: PublishBucket, name: string): PublishBucket {
  const told = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((cause: unknown) => {
      throw unavailable(name, cause);
    });
  return {
    ...bucket,
    get: (key) => told(bucket.get(key)),
    stat: (key) => told(bucket.stat(key)),
    list: (prefix) => told(bucket.list(prefix)),
  };
}

/** UnavailableError with what wrangler said, in one line. */
function unavailable(bucket: string, cause: unknown, hint = ""): UnavailableError {
  const text = stripVTControlCharacters(cause instanceof Error ? cause.message : String(cause));
  const line = text.split(/\s+/).join(" ").trim().slice(0, MAX_MESSAGE);
  return new UnavailableError(
    "bucket-unavailable",
    `bucket "${bucket}": wrangler says: ${line}${hint}`,
    { cause },
  );
}
