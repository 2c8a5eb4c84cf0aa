/**
 * The deployed bucket, by the quicker way that this machine has: S3 credentials from the environment,
 * else the login of wrangler.
 */
import { InputError } from "../../src/core/errors.ts";
import { BASE_PREFIX } from "../../src/core/format/keys.ts";
import type { PublishBucket } from "./bucket.ts";
import { loadOptional } from "../node/optional-package.ts";
import { findProject } from "../node/project.ts";
import { s3Bucket } from "./s3-bucket.ts";
import { openThroughWrangler } from "./wrangler-login.ts";

/** The variables that R2's own documentation uses. */
const REMOTE_VARIABLES = {
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
function chooseRoute({ endpoint, environment }: RemoteOptions): Route {
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

type OpenBucket = PublishBucket & { close(): Promise<void> };

/**
 * Opens the deployed bucket and asks it for the list of its bases, so that wrong credentials, a
 * missing login or a missing bucket end a verb before it shows or does anything. `close` ends what it
 * needed. Throws InputError `bucket-access-denied` or `remote-config-incomplete`, NotFoundError
 * `bucket-not-found`, UnavailableError `bucket-unavailable`.
 */
export async function openRemoteBucket(options: RemoteOptions): Promise<OpenBucket> {
  const bucket = await openRoute(options);
  try {
    await bucket.list(BASE_PREFIX);
    return bucket;
  } catch (error) {
    await bucket.close();
    throw error;
  }
}

async function openRoute(options: RemoteOptions): Promise<OpenBucket> {
  const { signal, note } = options;
  const route = chooseRoute(options);
  if (route.by === "s3") {
    const bucket = options.bucket ?? bucketOf(await readConfiguration());
    return { ...s3Bucket({ ...route, bucket, signal }), close: () => Promise.resolve() };
  }
  const configuration = options.bucket === undefined ? await readConfiguration() : null;
  const bucket = options.bucket ?? bucketOf(configuration!);
  note(
    `note: no ${REMOTE_VARIABLES.accessKeyId} in the environment, so bucket "${bucket}" is reached through wrangler's login`,
  );
  const accountId =
    options.environment[REMOTE_VARIABLES.accountId] || configuration?.accountId || undefined;
  return openThroughWrangler({ bucket, accountId });
}

/** What publishing needs of a project's wrangler configuration. */
interface Configuration {
  readonly path: string;
  readonly bucket: string | undefined;
  readonly accountId: string | undefined;
}

/** Reads the project's wrangler configuration. Throws NotFoundError `project-not-found`. */
async function readConfiguration(): Promise<Configuration> {
  const { configuration: path } = findProject();
  const { unstable_readConfig: readConfig } = await loadOptional(
    "wrangler",
    () => import("wrangler"),
  );
  const { r2_buckets: buckets, account_id: accountId } = readConfig(
    { config: path },
    { hideWarnings: true },
  );
  // wrangler's own types lose the fields of a bucket.
  const all: readonly { readonly binding: string; readonly bucket_name?: string }[] = buckets;
  return { path, bucket: all.find(({ binding }) => binding === "BUCKET")?.bucket_name, accountId };
}

/** `bucket_name` of the binding BUCKET; throws InputError `bucket-not-configured`. */
function bucketOf({ path, bucket }: Configuration): string {
  if (bucket !== undefined) return bucket;
  throw new InputError(
    "bucket-not-configured",
    `${path}: has no bucket_name for the binding BUCKET; name one with --bucket`,
  );
}
