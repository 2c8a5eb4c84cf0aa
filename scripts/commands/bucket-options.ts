/** The options that every verb with a bucket shares, and opening the bucket by them. */
import type { Options } from "./command.ts";
import { UsageError } from "./command.ts";
import type { PublishBucket } from "../publish/bucket.ts";
import { openLocalBucket } from "../publish/local-bucket.ts";

export const BUCKET_OPTIONS = {
  local: { type: "boolean", hint: "the storage that npm start serves from; this is the default" },
  remote: { type: "boolean", hint: "a deployed bucket; comes in a later version" },
  "persist-to": {
    type: "string",
    value: "DIR",
    hint: "where local storage lives, as in wrangler dev (default .wrangler/state)",
  },
} as const satisfies Options;

/** Opens the bucket that the options name, runs `use`, and closes it whatever happens. */
export async function withBucket<T>(
  values: {
    readonly local?: boolean | undefined;
    readonly remote?: boolean | undefined;
    readonly "persist-to"?: string | undefined;
  },
  use: (bucket: PublishBucket) => Promise<T>,
): Promise<T> {
  if (values.remote === true) {
    throw new UsageError("--remote comes in a later version, allowed is --local");
  }
  const bucket = await openLocalBucket(values["persist-to"]);
  try {
    return await use(bucket);
  } finally {
    await bucket.close();
  }
}
