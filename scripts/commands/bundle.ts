/** `bundle`: a folder for any static host, in which tasks answer in the visitor's browser. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import { blobKey, checkName } from "../../src/core/format/keys.ts";
import { hashOf } from "../../src/core/format/pointer.ts";
import type { Base } from "../../src/encoder/base.ts";
import { readBaseFolder } from "../base/base-folder.ts";
import { baseFolder, bundledBaseDir } from "../base/names.ts";
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { UsageError, defineCommand, required } from "../cli/command.ts";
import type { Command } from "../cli/command.ts";
import { checkWritable } from "../node/disk.ts";
import { readFileOf } from "../node/files.ts";
import { PACKAGE } from "../node/project.ts";
import type { PublishBucket } from "../publish/bucket.ts";
import { fetchBase } from "../publish/fetch-base.ts";
import { scriptFiles, siteFiles, writeSite } from "../publish/static-site.ts";
import type { SiteTask } from "../publish/static-site.ts";
import { fetchTaskPointer, fetchVersion, findVersion } from "../publish/task-pointer.ts";
import { readTaskFolder } from "../task/task-folder.ts";

/** The verb over a folder with the built script; a test has one of its own. */
export const bundleFrom = (built: string): Command =>
  defineCommand({
    summary: "write tasks as a folder for any static host, to answer in the browser",
    usage: "--tasks A,B [TASK_DIR...] --out DIR [--local | --remote]",
    example:
      "npx edge-prefix bundle --tasks sentiment,entities --out site\nnpx edge-prefix bundle prefixes/sentiment --base models/pocket --out site",
    options: {
      tasks: {
        type: "string",
        value: "A,B",
        hint: "names of tasks: of folders in prefixes/, else in the bucket; with --local or --remote in the bucket alone",
      },
      base: {
        type: "string",
        value: "DIR",
        hint: "folder of the base, or bundled base (the bucket's for tasks of a bucket, else models/NAME)",
      },
      out: {
        type: "string",
        value: "DIR",
        hint: "folder to write; a bundle that is there is replaced",
      },
      ...BUCKET_OPTIONS,
    },
    async run({ values, positionals, io }) {
      const out = required(values.out, "--out");
      const names = (values.tasks ?? "").split(",").filter((name) => name !== "");
      if (names.length + positionals.length === 0) {
        throw new UsageError("bundle: name at least one task, by --tasks or as a folder");
      }
      for (const name of names) checkName("task", name);
      await checkWritable(out);
      const script = await scriptFiles(built);

      const isOnlyBucket = values.local === true || values.remote === true;
      const folders = names.map((name) => (isOnlyBucket ? null : taskFolder(name)));
      const found = folders.flatMap((folder) => folder ?? []);
      const tasks = await Promise.all([...found, ...positionals].map(readTask));
      const wanted = names.filter((_, i) => folders[i] === null);
      const own = values.base === undefined ? null : await readBaseFolder(baseFolder(values.base));
      const base =
        wanted.length > 0
          ? await withBucket(values, io, async (bucket) => {
              for (const name of wanted) tasks.push(await fetchTask(bucket, name));
              return own ?? fetchBase(bucket, tasks.at(-1)!.manifest.base.name);
            })
          : (own ?? (await readBaseFolder(bundledBaseDir(tasks[0]!.manifest.base.name))));

      const files = await siteFiles({ base, tasks, script });
      io.signal.throwIfAborted();
      await writeSite(out, files);
      const bytes = [...files.values()].reduce((sum, file) => sum + file.byteLength, 0);
      print(io, { out, base, tasks, files: files.size, bytes });
      return 0;
    },
  });

export const command = bundleFrom(join(PACKAGE, "dist", "page"));

interface Written {
  readonly out: string;
  readonly base: Base;
  readonly tasks: readonly SiteTask[];
  readonly files: number;
  readonly bytes: number;
}

function print(
  io: { readonly json: boolean; out(line: string): void },
  { out, base, tasks, files, bytes }: Written,
): void {
  const versions = tasks.map(({ manifest, version }) => ({ task: manifest.task, version }));
  if (io.json) {
    const { name, identity } = base.manifest;
    io.out(JSON.stringify({ out, base: { name, identity }, tasks: versions, files, bytes }));
    return;
  }
  const megabytes = (bytes / 1e6).toFixed(1);
  io.out(`${out}: ${files} files, ${megabytes} MB, base ${shortIdentity(base.manifest)}`);
  for (const { task, version } of versions) io.out(`  ${task} ${version}`);
  io.out(`Look at it with: npx http-server ${out}`);
}

/** The folder of a task in prefixes/, here or in this package; null when there is none. */
function taskFolder(name: string): string | null {
  const own = join("prefixes", name);
  const folders = [own, join(PACKAGE, own)];
  return folders.find((folder) => existsSync(join(folder, "manifest.json"))) ?? null;
}

async function readTask(folder: string): Promise<SiteTask> {
  const prefix = await readFileOf(folder, "prefix.safetensors", "task-folder-not-found");
  return { ...(await readTaskFolder(folder)), prefix };
}

/** The current version of a task in the bucket. */
async function fetchTask(bucket: PublishBucket, name: string): Promise<SiteTask> {
  const pointer = await fetchTaskPointer(bucket, name);
  const entry = findVersion(pointer, pointer.current);
  const checked = await fetchVersion(bucket, name, entry);
  const manifest = await bucket.get(blobKey(hashOf(entry.manifest)));
  return { ...checked, manifestBytes: manifest!.bytes, version: entry.version };
}
