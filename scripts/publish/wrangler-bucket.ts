/**
 * A bucket through `wrangler r2 object`, for a machine that has a login (`wrangler login`, or
 * CLOUDFLARE_API_TOKEN) and no S3 credentials.
 *
 * What it cannot guarantee: it has no conditional write. A pointer is read again right before it is
 * written, so two pushes of one task must fall into the same second to lose one of the two; S3
 * credentials close that gap. It cannot list either.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { InputError, UnavailableError } from "../../src/core/errors.ts";
import { sha256Hex } from "../node/hash.ts";
import { resolveOptional } from "../node/optional-package.ts";
import type { PublishBucket, StoredObject } from "./bucket.ts";

export interface WranglerOptions {
  readonly bucket: string;
  /** `--remote`, or `--local` with `--persist-to`: the same commands on local storage, for tests. */
  readonly where: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export interface WranglerBucket extends PublishBucket {
  close(): Promise<void>;
}

/** What wrangler says of a key that is not there. */
const NOT_THERE = /specified key does not exist/i;
const MAX_OUTPUT_BYTES = 1_000_000;
const QUIET = { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };

/** Opens a bucket; `close` removes the folder that objects pass through. */
export async function wranglerBucket(options: WranglerOptions): Promise<WranglerBucket> {
  const { bucket, where, signal } = options;
  const folder = await mkdtemp(join(tmpdir(), "edge-prefix-r2-"));
  const wrangler = resolveOptional("wrangler");
  let files = 0;

  /** Runs one command; returns null, or what wrangler said when it failed. */
  const run = (
    verb: "get" | "put",
    key: string,
    flags: readonly string[],
  ): Promise<string | null> =>
    new Promise((resolve) => {
      const object = ["r2", "object", verb, `${bucket}/${key}`, ...flags, ...where];
      execFile(
        process.execPath,
        ["--no-warnings", wrangler, ...object],
        {
          // In a folder without a wrangler.toml: nothing of a project is needed, or may interfere.
          cwd: folder,
          maxBuffer: MAX_OUTPUT_BYTES,
          env: { ...process.env, ...QUIET },
          ...(signal ? { signal } : {}),
        },
        (error, stdout, stderr) => resolve(error ? `${stdout}${stderr}` || error.message : null),
      );
    });

  const get = async (key: string): Promise<StoredObject | null> => {
    const file = join(folder, String(++files));
    const failure = await run("get", key, ["--file", file]);
    signal?.throwIfAborted();
    if (failure !== null) {
      if (NOT_THERE.test(failure)) return null;
      throw refused(bucket, failure);
    }
    const bytes = new Uint8Array(await readFile(file));
    await rm(file);
    return { bytes, etag: sha256Hex(bytes) };
  };

  const put = async (key: string, bytes: Uint8Array, contentType: string): Promise<void> => {
    const file = join(folder, String(++files));
    await writeFile(file, bytes);
    const failure = await run("put", key, ["--file", file, "--content-type", contentType]);
    await rm(file);
    signal?.throwIfAborted();
    if (failure !== null) throw refused(bucket, failure);
  };

  return {
    get,
    size: async (key) => (await get(key))?.bytes.byteLength ?? null,
    putBlob: (key, bytes) => put(key, bytes, "application/octet-stream"),
    async putIf(key, bytes, etag) {
      if (((await get(key))?.etag ?? null) !== etag) return false;
      await put(key, bytes, "application/json");
      return true;
    },
    list() {
      throw new InputError(
        "bucket-list-unsupported",
        `bucket "${bucket}": wrangler cannot list objects; set R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY to use the S3 API, or name the task`,
      );
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** One line of what wrangler printed, under its own mark where it is there. */
function refused(bucket: string, output: string): Error {
  const lines = stripVTControlCharacters(output).split("\n");
  const marked = lines.find((line) => line.includes("ERROR")) ?? lines.find((line) => line.trim());
  const said = (marked ?? "nothing").replace(/^.*\[ERROR\]\s*/, "").trim();
  return new UnavailableError("bucket-unavailable", `bucket "${bucket}": wrangler says: ${said}`);
}
