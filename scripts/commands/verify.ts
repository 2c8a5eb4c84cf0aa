/** `verify`: is a task whole and made for the base it names? In a folder or in the bucket. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EdgePrefixError } from "../../src/core/errors.ts";
import { openTask } from "../../src/core/task.ts";
import { sha256 } from "../publish/bucket.ts";
import type { PublishBucket } from "../publish/bucket.ts";
import { BUCKET_OPTIONS, withBucket } from "./bucket-options.ts";
import { fetchBaseManifest } from "../publish/publish-base.ts";
import {
  checkTaskFolder,
  fetchTaskPointer,
  fetchVersion,
  readTaskFolder,
} from "../publish/publish-task.ts";
import { UsageError, defineCommand } from "./command.ts";

interface Verdict {
  readonly task: string;
  readonly version: string;
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
}

export const command = defineCommand({
  summary: "check a task folder, or every published version of a task, against its base",
  usage: "TASK | TASK_DIR",
  example: "npx edge-prefix verify sentiment",
  options: BUCKET_OPTIONS,
  async run({ values, positionals, io }) {
    const [subject, ...more] = positionals;
    if (subject === undefined || more.length > 0) {
      throw new UsageError(`verify: expected one task or task folder, found ${positionals.length}`);
    }
    const isFolder = existsSync(join(subject, "manifest.json"));
    const verdicts = await withBucket(values, (bucket) =>
      isFolder ? verifyFolder(bucket, subject) : verifyVersions(bucket, subject),
    );
    for (const verdict of verdicts) {
      const { task, version, ok, code, message } = verdict;
      const text = ok ? "ok" : `error [${code}]: ${message}`;
      io.out(io.json ? JSON.stringify(verdict) : `${task} ${version}: ${text}`);
    }
    return verdicts.every((verdict) => verdict.ok) ? 0 : 1;
  },
});

async function verifyFolder(bucket: PublishBucket, folder: string): Promise<Verdict[]> {
  const { manifest, version } = await readTaskFolder(folder);
  const check = async (): Promise<void> => {
    await checkTaskFolder(folder, await fetchBaseManifest(bucket, manifest.base.name));
  };
  return [await judge(manifest.task, version, check)];
}

async function verifyVersions(bucket: PublishBucket, task: string): Promise<Verdict[]> {
  const { versions } = await fetchTaskPointer(bucket, task);
  const verdicts: Verdict[] = [];
  for (const entry of versions) {
    const check = async (): Promise<void> => {
      const { manifest, prefix } = await fetchVersion(bucket, task, entry);
      const base = await fetchBaseManifest(bucket, manifest.base.name);
      await openTask(manifest, entry.version, prefix, base, sha256);
    };
    verdicts.push(await judge(task, entry.version, check));
  }
  return verdicts;
}

async function judge(task: string, version: string, check: () => Promise<void>): Promise<Verdict> {
  try {
    await check();
    return { task, version, ok: true };
  } catch (error) {
    if (!(error instanceof EdgePrefixError)) throw error;
    return { task, version, ok: false, code: error.code, message: error.message };
  }
}
