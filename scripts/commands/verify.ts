/**
 * `verify`: is a task whole, made for the base it names, and does it answer as when it was trained?
 * In a folder or in the bucket; the checks are those of push. For a task in the bucket, the session
 * image of its base is checked, too.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EdgePrefixError } from "../../src/core/errors.ts";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import { createAnswerCheck } from "../publish/answer-check.ts";
import type { PublishBucket } from "../publish/bucket.ts";
import type { ImageState } from "../publish/check-image.ts";
import { findBaseOf } from "../publish/find-base.ts";
import { baseFolder } from "../base/names.ts";
import type { FindBase } from "../publish/find-base.ts";
import { fetchBaseManifest, fetchPublishedBase } from "../publish/publish-base.ts";
import type { BaseInBucket } from "../publish/publish-base.ts";
import { checkTaskFolder, checkVersion } from "../publish/publish-task.ts";
import { readTaskFolder } from "../task/task-folder.ts";
import type { CheckAnswers } from "../publish/publish-task.ts";
import { fetchTaskPointer, fetchVersion, findVersion } from "../publish/task-pointer.ts";
import {
  verifySignedBase,
  verifySignedFolder,
  verifySignedTask,
} from "../cli/verify-signatures.ts";
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { UsageError, defineCommand } from "../cli/command.ts";
import type { Io } from "../cli/command.ts";

interface Failure {
  readonly code?: string;
  readonly message?: string;
}

/** What was found of a version of a task. */
interface TaskVerdict extends Failure {
  readonly task: string;
  readonly version: string;
  readonly ok: boolean;
  /** Recorded examples that were answered and compared. */
  readonly examples?: number;
}

/** What was found of the session image of a base. */
interface BaseVerdict extends Failure {
  readonly base: string;
  readonly ok: boolean;
  readonly image?: ImageState;
}

type Verdict = TaskVerdict | BaseVerdict;

export const command = defineCommand({
  summary: "check a task folder, or every published version of a task: hashes, base, answers",
  usage:
    "TASK | TASK_DIR | (TASK | base:NAME | DIR) --public-key FILE [--version VERSION] [--base DIR]",
  example:
    "npx edge-prefix verify sentiment\nnpx edge-prefix verify prefixes/sentiment --base models/pocket",
  options: {
    version: {
      type: "string",
      value: "VERSION",
      hint: "only this published version, or the start of one, as list shows it",
    },
    base: {
      type: "string",
      value: "DIR",
      hint: "a base folder: with TASK_DIR no bucket is read, with TASK it saves the download",
    },
    "public-key": {
      type: "string",
      value: "FILE",
      hint: "check signatures instead, by the public keys in this file; DIR may be a base, too",
    },
    ...BUCKET_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const [subject, ...more] = positionals;
    if (subject === undefined || more.length > 0) {
      throw new UsageError(`verify: expected one task or task folder, found ${positionals.length}`);
    }
    const note = (line: string): void => io.err(line);
    const baseDir = baseFolder(values.base);
    const isFolder = existsSync(join(subject, "manifest.json"));
    const file = values["public-key"];
    if (file !== undefined) {
      if (isFolder) return verifySignedFolder(subject, file, io);
      const base = /^base:(.+)$/.exec(subject)?.[1];
      return withBucket(values, io, (bucket) =>
        base === undefined
          ? verifySignedTask(bucket, subject, values.version, { file, io })
          : verifySignedBase(bucket, base, { file, io }),
      );
    }
    const verdicts =
      isFolder && baseDir !== undefined
        ? [await verifyOnFolder(subject, baseDir, note)]
        : await withBucket(values, io, (bucket) => {
            const findBase = findBaseOf({ bucket, baseDir, note });
            const checkAnswers = createAnswerCheck(findBase, note);
            return isFolder
              ? verifyFolder(bucket, subject, checkAnswers)
              : verifyPublished(bucket, subject, values.version, { findBase, checkAnswers });
          });
    for (const verdict of verdicts) print(verdict, io);
    return verdicts.every((verdict) => verdict.ok) ? 0 : 1;
  },
});

function print(verdict: Verdict, io: Io): void {
  if (io.json) {
    io.out(JSON.stringify(verdict));
    return;
  }
  const { ok, code, message } = verdict;
  const name = "task" in verdict ? `${verdict.task} ${verdict.version}` : `base ${verdict.base}`;
  io.out(`${name}: ${ok ? `ok${praiseOf(verdict)}` : `error [${code}]: ${message}`}`);
}

const IMAGES: Readonly<Record<ImageState, string>> = {
  good: ", session image as this release makes it",
  none: ", no session image",
  "other-runtime": ", session image of another release of the runtime: only its hash was checked",
};

function praiseOf(verdict: Verdict): string {
  if ("base" in verdict) return IMAGES[verdict.image ?? "none"];
  const { examples = 0 } = verdict;
  return examples > 0 ? `, ${examples} examples answered as recorded` : "";
}

/** A task folder on a base folder: no bucket is needed. */
async function verifyOnFolder(
  folder: string,
  baseDir: string,
  note: (line: string) => void,
): Promise<Verdict> {
  const { readBaseFolder } = await import("../base/base-folder.ts");
  const { manifest, version } = await readTaskFolder(folder);
  return judge(manifest.task, version, async () => {
    const base = await readBaseFolder(baseDir);
    const checkAnswers = createAnswerCheck(() => Promise.resolve(base), note);
    return (await checkTaskFolder(folder, base.manifest, checkAnswers)).examples;
  });
}

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

async function verifyPublished(
  bucket: PublishBucket,
  task: string,
  wanted: string | undefined,
  { findBase, checkAnswers }: { findBase: FindBase; checkAnswers: CheckAnswers },
): Promise<Verdict[]> {
  const pointer = await fetchTaskPointer(bucket, task);
  const versions = wanted === undefined ? pointer.versions : [findVersion(pointer, wanted)];
  const bases = new Map<string, Promise<BaseInBucket>>();
  const verdicts: Verdict[] = [];
  for (const entry of versions) {
    const check = async (): Promise<number> => {
      const { manifest, prefix } = await fetchVersion(bucket, task, entry);
      const { name } = manifest.base;
      const published = bases.get(name) ?? fetchPublishedBase(bucket, name);
      bases.set(name, published);
      const { version } = entry;
      const { manifest: base } = await published;
      return checkVersion({ manifest, version, prefix }, base, checkAnswers);
    };
    verdicts.push(await judge(task, entry.version, check));
  }
  for (const published of bases.values()) {
    const base = await published.catch(() => null); // its versions have said so
    if (base) verdicts.push(await judgeImage(bucket, base, findBase));
  }
  return verdicts;
}

async function judge(
  task: string,
  version: string,
  check: () => Promise<number>,
): Promise<TaskVerdict> {
  try {
    return { task, version, ok: true, examples: await check() };
  } catch (error) {
    return { task, version, ok: false, ...failureOf(error) };
  }
}

async function judgeImage(
  bucket: PublishBucket,
  published: BaseInBucket,
  findBase: FindBase,
): Promise<BaseVerdict> {
  const { checkImage } = await import("../publish/check-image.ts");
  const { sessionImages } = await import("../images/make.ts");
  const base = shortIdentity(published.manifest);
  try {
    const files = await findBase(published.manifest);
    const image = await checkImage(bucket, published, files, await sessionImages());
    return { base, ok: true, image };
  } catch (error) {
    return { base, ok: false, ...failureOf(error) };
  }
}

/** Code and message of an error of this project; any other error is thrown. */
function failureOf(error: unknown): Required<Failure> {
  if (error instanceof EdgePrefixError) return { code: error.code, message: error.message };
  throw error;
}
