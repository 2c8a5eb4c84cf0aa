/**
 * `verify`: is a task whole, made for the base it names, and does it answer as when it was trained?
 * In a folder or in the bucket; the checks are those of push.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EdgePrefixError } from "../../src/core/errors.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { createAnswerCheck } from "../publish/answer-check.ts";
import { baseFolder } from "../publish/local.ts";
import type { PublishBucket } from "../publish/bucket.ts";
import { fetchBaseManifest } from "../publish/publish-base.ts";
import { checkTaskFolder, checkVersion, readTaskFolder } from "../publish/publish-task.ts";
import type { CheckAnswers } from "../publish/publish-task.ts";
import { fetchTaskPointer, fetchVersion, findVersion } from "../publish/task-pointer.ts";
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { UsageError, defineCommand } from "../cli/command.ts";

interface Verdict {
  readonly task: string;
  readonly version: string;
  readonly ok: boolean;
  /** Recorded examples that were answered and compared. */
  readonly examples?: number;
  readonly code?: string;
  readonly message?: string;
}

export const command = defineCommand({
  summary: "check a task folder, or every published version of a task: hashes, base, answers",
  usage: "TASK | TASK_DIR [--version VERSION] [--local | --remote]",
  example: "npx edge-prefix verify sentiment\nnpx edge-prefix verify prefixes/sentiment",
  options: {
    version: {
      type: "string",
      value: "VERSION",
      hint: "only this published version, or the start of one, as list shows it",
    },
    base: { type: "string", value: "DIR", hint: "a base folder that saves reading the bucket's" },
    ...BUCKET_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const [subject, ...more] = positionals;
    if (subject === undefined || more.length > 0) {
      throw new UsageError(`verify: expected one task or task folder, found ${positionals.length}`);
    }
    const isFolder = existsSync(join(subject, "manifest.json"));
    const verdicts = await withBucket(values, io, (bucket) => {
      const note = (line: string): void => io.err(line);
      const checkAnswers = createAnswerCheck({ bucket, baseDir: baseFolder(values.base), note });
      return isFolder
        ? verifyFolder(bucket, subject, checkAnswers)
        : verifyVersions(bucket, subject, values.version, checkAnswers);
    });
    for (const verdict of verdicts) {
      const { task, version, ok, examples = 0, code, message } = verdict;
      const good = examples > 0 ? `ok, ${examples} examples answered as recorded` : "ok";
      const text = ok ? good : `error [${code}]: ${message}`;
      io.out(io.json ? JSON.stringify(verdict) : `${task} ${version}: ${text}`);
    }
    return verdicts.every((verdict) => verdict.ok) ? 0 : 1;
  },
});

async function verifyFolder(
  bucket: PublishBucket,
  folder: string,
  checkAnswers: CheckAnswers,
): Promise<Verdict[]> {
  const { manifest, version } = await readTaskFolder(folder);
  const check = async (): Promise<number> => {
    const base = await fetchBaseManifest(bucket, manifest.base.name);
    return (await checkTaskFolder(folder, base, checkAnswers)).examples;
  };
  return [await judge(manifest.task, version, check)];
}

async function verifyVersions(
  bucket: PublishBucket,
  task: string,
  wanted: string | undefined,
  checkAnswers: CheckAnswers,
): Promise<Verdict[]> {
  const pointer = await fetchTaskPointer(bucket, task);
  const versions = wanted === undefined ? pointer.versions : [findVersion(pointer, wanted)];
  const bases = new Map<string, BaseManifest>();
  const verdicts: Verdict[] = [];
  for (const entry of versions) {
    const check = async (): Promise<number> => {
      const { manifest, prefix } = await fetchVersion(bucket, task, entry);
      const { name } = manifest.base;
      const base = bases.get(name) ?? (await fetchBaseManifest(bucket, name));
      bases.set(name, base);
      const { version } = entry;
      return checkVersion({ manifest, version, prefix }, base, checkAnswers);
    };
    verdicts.push(await judge(task, entry.version, check));
  }
  return verdicts;
}

async function judge(
  task: string,
  version: string,
  check: () => Promise<number>,
): Promise<Verdict> {
  try {
    return { task, version, ok: true, examples: await check() };
  } catch (error) {
    if (!(error instanceof EdgePrefixError)) throw error;
    return { task, version, ok: false, code: error.code, message: error.message };
  }
}
