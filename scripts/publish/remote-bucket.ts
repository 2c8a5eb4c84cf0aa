/**
 * The deployed bucket, by the best way that this machine has: S3 credentials from the environment,
 * else the login of wrangler, which lacks compare-and-swap and says so.
 */
import { InputError } from "../../src/core/errors.ts";
import type { PublishBucket } from "./bucket.ts";
import { loadOptional } from "../node/optional-package.ts";
import { findProject } from "../node/project.ts";
import { s3Bucket } from "./s3-bucket.ts";
import { wranglerBucket } from "./wrangler-bucket.ts";

/** The variables that R2's own documentation uses. */
export const REMOTE_VARIABLES = {
  accountId: "R2_ACCOUNT_ID",
  accessKeyId: "R2_ACCESS_KEY_ID",
  secretAccessKey: "R2_SECRET_ACCESS_KEY",
} as const;

export interface RemoteOptions {
  /** Default: the bucket of the binding BUCKET in wrangler.toml. */
  readonly bucket: string | undefined;
  /** Another S3 host than R2's. */
  readonly endpoint: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** Takes one line for people. */
  readonly note: (line: string) => void;
}

/** What to do with the environment as it is; thrown errors say what is missing. */
export type Route =
  | {
      readonly by: "s3";
      readonly endpoint: string;
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
    }
  | { readonly by: "wrangler" };

/** Chooses the way. Throws InputError `remote-config-incomplete` for half a set of credentials. */
export function chooseRoute({ endpoint, environment }: RemoteOptions): Route {
  const { accountId, accessKeyId, secretAccessKey } = REMOTE_VARIABLES;
  const account = environment[accountId] ?? environment["CLOUDFLARE_ACCOUNT_ID"];
  const [key, secret] = [environment[accessKeyId], environment[secretAccessKey]];
  const isS3 = [key, secret, endpoint].some((value) => value !== undefined && value !== "");
  if (!isS3) return { by: "wrangler" };
  const missing = [
    ...(key ? [] : [accessKeyId]),
    ...(secret ? [] : [secretAccessKey]),
    ...(account || endpoint ? [] : [`${accountId} (or --endpoint)`]),
  ];
  if (!key || !secret || missing.length > 0) {
    throw new InputError(
      "remote-config-incomplete",
      `environment: lacks ${missing.join(" and ")}; R2 > Manage API tokens in the dashboard gives them`,
    );
  }
  const url = endpoint ?? `https://${account}.r2.cloudflarestorage.com`;
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new InputError("remote-config-incomplete", `--endpoint ${url}: is not an http(s) URL`);
  }
  return { by: "s3", endpoint: url, accessKeyId: key, secretAccessKey: secret };
}

/** Opens the deployed bucket; `close` ends what it needed. */
export async function openRemoteBucket(
  options: RemoteOptions,
): Promise<PublishBucket & { close(): Promise<void> }> {
  const { signal, note } = options;
  const route = chooseRoute(options);
  const bucket = options.bucket ?? (await configuredBucket());
  if (route.by === "s3") {
    return { ...s3Bucket({ ...route, bucket, signal }), close: () => Promise.resolve() };
  }
  note(
    `note: no ${REMOTE_VARIABLES.accessKeyId} in the environment, so bucket "${bucket}" is reached through wrangler's login; it has no compare-and-swap: of two pushes of one task in the same second, one may be lost`,
  );
  return wranglerBucket({ bucket, where: ["--remote"], signal });
}

/**
 * `bucket_name` of the binding BUCKET in the project's wrangler configuration. Throws InputError
 * `bucket-not-configured`, NotFoundError `project-not-found`.
 */
async function configuredBucket(): Promise<string> {
  const { configuration } = findProject();
  const { unstable_readConfig: readConfig } = await loadOptional(
    "wrangler",
    () => import("wrangler"),
  );
  // wrangler's own types lose this one.
  const buckets: readonly { readonly binding: string; readonly bucket_name?: string }[] =
    readConfig({ config: configuration }, { hideWarnings: true }).r2_buckets;
  const found = buckets.find(({ binding }) => binding === "BUCKET")?.bucket_name;
  if (found !== undefined) return found;
  throw new InputError(
    "bucket-not-configured",
    `${configuration}: has no bucket_name for the binding BUCKET; name one with --bucket`,
  );
}
