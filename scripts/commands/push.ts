/** `push`: task folders, or a base folder, into the bucket; live within a second. */
import { imagesFor } from "../images/make.ts";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import { createAnswerCheck } from "../publish/answer-check.ts";
import type { PublishBucket } from "../publish/bucket.ts";
import { findBaseOf } from "../publish/find-base.ts";
import { baseFolder } from "../base/names.ts";
import { checkFitness } from "../base/fitness.ts";
import { runtimeNote } from "../base/runtimes.ts";
import { dryRunOf } from "../publish/dry-run.ts";
import { publishBase, readManifestOfBase } from "../publish/publish-base.ts";
import { publishTask } from "../publish/publish-task.ts";
import type { CheckAnswers, PublishedTask } from "../publish/publish-task.ts";
import { SIGN_OPTIONS, sealingOf } from "../cli/sign-options.ts";
import { recordChange } from "../publish/history.ts";
import { ensureSigned } from "../publish/sign-folder.ts";
import type { Sealing } from "../publish/sealing.ts";
import { startProgress } from "../cli/progress.ts";
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { UsageError, defineCommand, readChoice, readNumber } from "../cli/command.ts";
import type { Io } from "../cli/command.ts";

/** As in the Worker's entries, src/worker-NAME.ts. */
const ENGINES = ["simd", "onnxruntime"] as const;

export const command = defineCommand({
  summary: "check tasks, or a base, and put them into the bucket that the Worker serves from",
  usage: "TASK_DIR... | --base DIR [--local | --remote]",
  example:
    "npx edge-prefix push prefixes/sentiment --local\nnpx edge-prefix push --base models/pocket prefixes/sentiment --remote --dry-run",
  options: {
    base: {
      type: "string",
      value: "DIR",
      hint: "also upload this base folder, or bundled base, before the tasks",
    },
    canary: {
      type: "string",
      value: "PERCENT",
      hint: "keep the current version, and send this share of the requests to the new one",
    },
    engine: {
      type: "string",
      value: ENGINES.join("|"),
      hint: "the Worker's engine: for onnxruntime, also upload an image of the loaded base",
    },
    "allow-change": {
      type: "boolean",
      hint: "publish a task although its type or labels differ from those of its live version",
    },
    "allow-doubtful": {
      type: "boolean",
      hint: "publish a base that is far from its checkpoint, or larger than an isolate",
    },
    "dry-run": { type: "boolean", hint: "check everything, say what would change, write nothing" },
    ...SIGN_OPTIONS,
    ...BUCKET_OPTIONS,
  },
  async run({ values, positionals, io }) {
    if (positionals.length === 0 && values.base === undefined) {
      throw new UsageError("push: name at least one task folder, or --base DIR");
    }
    const canaryPercent = readNumber(values.canary, "--canary", { min: 0, max: 100 });
    const engine = readChoice(values.engine, "--engine", ENGINES);
    const baseDir = baseFolder(values.base);
    const isDryRun = values["dry-run"] === true;
    const allowsChange = values["allow-change"] === true;
    const sealing = await sealingOf(values);
    /** What a dry run would have written into the folders. */
    const signatures = new Map<string, Uint8Array | null>();
    if (sealing) {
      const folders = baseDir === undefined ? positionals : [baseDir, ...positionals];
      for (const folder of folders) {
        signatures.set(folder, await ensureSigned(folder, sealing.signer, { isDryRun }));
      }
    }
    await withBucket(values, io, async (opened) => {
      const bucket = isDryRun ? dryRunOf(opened) : opened;
      if (baseDir !== undefined && values["allow-doubtful"] !== true) {
        checkFitness((await readManifestOfBase(baseDir)).manifest);
      }
      if (baseDir !== undefined) {
        const signature = signatures.get(baseDir);
        await pushBase(bucket, baseDir, io, { isDryRun, engine, sealing, signature });
      }
      const note = (line: string): void => io.err(line);
      const checkAnswers = createAnswerCheck(findBaseOf({ bucket, baseDir, note }), note);
      for (const folder of positionals) {
        io.signal.throwIfAborted();
        const signature = signatures.get(folder);
        const how = { io, isDryRun, canaryPercent, allowsChange, checkAnswers, sealing, signature };
        await pushTask(bucket, folder, how);
      }
    });
    return 0;
  },
});

/** An upload of this many bytes takes seconds on a slow line, so it shows its progress. */
const WORTH_A_BAR = 5_000_000;
const toMegabytes = (bytes: number): number => Math.ceil(bytes / 1e6);

async function pushBase(
  bucket: PublishBucket,
  folder: string,
  io: Io,
  {
    isDryRun,
    engine,
    sealing,
    signature,
  }: {
    readonly isDryRun: boolean;
    readonly engine: string | undefined;
    readonly sealing: Sealing | undefined;
    readonly signature: Uint8Array | null | undefined;
  },
): Promise<void> {
  let bar: ReturnType<typeof startProgress> | undefined;
  try {
    const { isChanged, ...base } = await publishBase(bucket, folder, {
      images: await imagesFor(engine),
      signal: io.signal,
      sealing,
      signature,
      onProgress(bytes, total) {
        if (total < WORTH_A_BAR) return;
        bar ??= startProgress(io, {
          label: isDryRun ? "check, MB:" : "upload, MB:",
          total: toMegabytes(total),
        });
        bar.update(toMegabytes(bytes));
      },
    });
    if (isChanged) {
      const version = base.identity.slice(0, 12);
      const change = { name: `base:${base.name}`, action: "push", version, previous: null };
      await recordChange(bucket, change, sealing);
    }
    const done = isDryRun ? "would be published" : "published";
    const what = isChanged ? `${done}, ${base.uploaded} new files` : "unchanged";
    const { manifest } = await readManifestOfBase(folder);
    const remark = runtimeNote("serving", manifest);
    if (remark !== null) io.err(`note: ${remark}`);
    io.out(
      io.json
        ? JSON.stringify({ ...base, changed: isChanged, ...dryRunField(isDryRun) })
        : `base ${shortIdentity(base)}: ${what}`,
    );
  } finally {
    bar?.stop();
  }
}

async function pushTask(
  bucket: PublishBucket,
  folder: string,
  how: {
    readonly io: Io;
    readonly isDryRun: boolean;
    readonly canaryPercent: number | undefined;
    readonly allowsChange: boolean;
    readonly checkAnswers: CheckAnswers;
    readonly sealing: Sealing | undefined;
    readonly signature: Uint8Array | null | undefined;
  },
): Promise<void> {
  const { io, isDryRun, canaryPercent, sealing, ...options } = how;
  const result = await publishTask(bucket, folder, {
    ...options,
    canaryPercent,
    sealing,
    signal: io.signal,
  });
  if (result.isChanged) {
    const action = canaryPercent === undefined ? "push" : `canary ${canaryPercent} %`;
    const { task: name, previous } = result;
    await recordChange(bucket, { name, action, version: result.version, previous }, sealing);
  }
  const { isChanged, leftOut, ...rest } = result;
  if (leftOut > 0) {
    io.err(
      `${result.task}: its pointer was not signed by this key, and ${leftOut} of its versions are left out (--public-key FILE keeps those of another key)`,
    );
  }
  if (io.json) {
    const more = leftOut > 0 ? { left_out: leftOut } : {};
    io.out(JSON.stringify({ ...rest, ...more, changed: isChanged, ...dryRunField(isDryRun) }));
    return;
  }
  const { task, version } = result;
  io.out(`${task} ${version}: ${describe(result, isDryRun, canaryPercent)}`);
}

const dryRunField = (isDryRun: boolean): object => (isDryRun ? { dry_run: true } : {});

function describe(
  { isChanged, previous, examples }: PublishedTask,
  isDryRun: boolean,
  canaryPercent: number | undefined,
): string {
  const checked = examples > 0 ? ` (${examples} examples answered as recorded)` : "";
  if (!isChanged) return `unchanged${checked}`;
  const done = isDryRun ? "would be " : "";
  if (canaryPercent !== undefined) {
    return `${done}canary of ${canaryPercent} % beside ${previous}${checked}`;
  }
  return `${done}published${previous === null ? "" : `, was ${previous}`}${checked}`;
}
