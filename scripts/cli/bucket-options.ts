/** The options that every verb with a bucket shares, and opening the bucket by them. */
import type { Io, Options } from "./command.ts";
import { UsageError } from "./command.ts";
import type { PublishBucket } from "../publish/bucket.ts";
import { openLocalBucket } from "../publish/local-bucket.ts";
import { openRemoteBucket } from "../publish/remote-bucket.ts";

export const BUCKET_OPTIONS = {
  local: { type: "boolean", hint: "the storage that npm start serves from; this is the default" },
  remote: {
    type: "boolean",
    hint: "the deployed bucket: by R2_ACCOUNT_ID, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY, else by wrangler's login",
  },
  bucket: {
    type: "string",
    value: "NAME",
    hint: "with --remote: another bucket than wrangler.toml's",
  },
  endpoint: {
    type: "string",
    value: "URL",
    hint: "with --remote: another S3 host than R2's, without the bucket's name",
  },
  "persist-to": {
    type: "string",
    value: "DIR",
    hint: "where local storage lives, as in wrangler dev (default .wrangler/state)",
  },
} as const satisfies Options;

/** Values of BUCKET_OPTIONS. */
export interface BucketValues {
  readonly local?: boolean | undefined;
  readonly remote?: boolean | undefined;
  readonly bucket?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly "persist-to"?: string | undefined;
}

/** Opens the bucket that the options name, runs `use`, and closes it whatever happens. */
export async function withBucket<T>(
  values: BucketValues,
  io: Pick<Io, "err" | "signal">,
  use: (bucket: PublishBucket) => Promise<T>,
): Promise<T> {
  const { local, remote, bucket: name, endpoint } = values;
  const isRemote = remote === true;
  if (isRemote && local === true) throw new UsageError("--local and --remote exclude each other");
  if (!isRemote && (name !== undefined || endpoint !== undefined)) {
    throw new UsageError(`--${name === undefined ? "endpoint" : "bucket"} needs --remote`);
  }
  const bucket = isRemote
    ? await openRemoteBucket({
        bucket: name,
        endpoint,
        environment: process.env,
        signal: io.signal,
        note: (line) => io.err(line),
      })
    : await openLocalBucket(values["persist-to"]);
  try {
    return await use(bucket);
  } finally {
    await bucket.close();
  }
}
