/**
 * The R2 storage that `wrangler dev` reads, opened from Node, also while it runs: a push is then
 * live on the next request. Both sides see each other's writes at once, and compare-and-swap holds
 * between them.
 */
import { basename, join, resolve } from "node:path";
import type { R2Bucket } from "@cloudflare/workers-types";
import { UnavailableError } from "../../src/core/errors.ts";
import { loadOptional } from "../node/optional-package.ts";
import { findProject } from "../node/project.ts";
import type { Project } from "../node/project.ts";
import { blobHash } from "../../src/core/format/keys.ts";
import { sha256Hex } from "../node/hash.ts";
import type { PublishBucket } from "./bucket.ts";
import { checkState } from "./local-state.ts";
import { publishBucketOf } from "./r2-bucket.ts";

export interface LocalBucket extends PublishBucket {
  close(): Promise<void>;
}

/**
 * Where local state lives, in the terms of `wrangler dev --persist-to`: it keeps its files in the
 * subfolder v3, which getPlatformProxy wants to be told.
 */
export const stateFolder = ({ folder }: Project, persistTo?: string): string =>
  resolve(persistTo ?? process.env.EDGE_PREFIX_PERSIST_TO ?? join(folder, ".wrangler", "state"));

/**
 * Opens the local bucket of a project (about a second), the one around the working directory unless
 * another is given; `persistTo` as in `wrangler dev --persist-to`. Throws NotFoundError
 * `project-not-found`, UnavailableError `bucket-missing`, `local-state-damaged` or `package-missing`.
 */
export async function openLocalBucket(
  persistTo?: string,
  project: Project = findProject(),
): Promise<LocalBucket> {
  // Without this the emulator asks the network for a sample of Request.cf, and complains offline.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= "false";
  const { getPlatformProxy } = await loadOptional("wrangler", () => import("wrangler"));
  const { configuration } = project;
  const state = stateFolder(project, persistTo);
  await checkState(state);
  const proxy = await getPlatformProxy<{ BUCKET?: R2Bucket }>({
    configPath: configuration,
    persist: { path: join(state, "v3") },
    remoteBindings: false,
  }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnavailableError("bucket-unavailable", `${configuration}: ${reason}`, { cause });
  });
  const r2 = proxy.env.BUCKET;
  if (!r2) {
    await proxy.dispose();
    throw new UnavailableError(
      "bucket-missing",
      `${configuration}: has no R2 bucket with the binding "BUCKET"; ${basename(configuration)} needs an entry r2_buckets with it (docs/mount.md)`,
    );
  }
  return { ...localBucketOf(r2), close: () => proxy.dispose() };
}

/**
 * The binding over local files, which a full disk or a person may have damaged: a blob counts as there
 * only when its content has the hash that its key names. Reading local files costs little.
 */
function localBucketOf(r2: R2Bucket): PublishBucket {
  const bucket = publishBucketOf(r2);
  return {
    ...bucket,
    async stat(key) {
      const facts = await bucket.stat(key);
      const hash = blobHash(key);
      if (facts === null || hash === null) return facts;
      const object = await bucket.get(key).catch(() => null);
      return object && sha256Hex(object.bytes) === hash ? facts : null;
    },
  };
}
