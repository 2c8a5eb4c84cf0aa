/** `list`: what the bucket serves, and the versions that a rollback can reach. */
import { EdgePrefixError } from "../../src/core/errors.ts";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import type { TaskPointer } from "../../src/core/format/pointer.ts";
import type { PublishBucket } from "../publish/bucket.ts";
import { mapLimited } from "../../src/core/concurrency.ts";
import { fetchManifest, fetchTaskPointer, listTasks } from "../publish/task-pointer.ts";
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { UsageError, defineCommand } from "../cli/command.ts";

interface Row {
  readonly task: string;
  readonly type: string;
  readonly base: string;
  readonly current: string;
  readonly canary: TaskPointer["canary"];
  readonly versions: readonly { readonly version: string; readonly created: string }[];
}

interface DamagedRow {
  readonly task: string;
  readonly error: { readonly code: string; readonly message: string };
}

/** A deployed bucket answers a read in some tens of milliseconds. */
const READS_AT_ONCE = 16;

export const command = defineCommand({
  summary: "list the tasks in the bucket with their versions, newest first",
  usage: "[--local | --remote]",
  example: "npx edge-prefix list",
  options: BUCKET_OPTIONS,
  async run({ values, positionals, io }) {
    if (positionals.length > 0) {
      throw new UsageError(`list: expected no name, found ${positionals.length}`);
    }
    const rows = await withBucket(values, io, async (bucket) =>
      mapLimited(await listTasks(bucket), READS_AT_ONCE, (task) => listRow(bucket, task)),
    );
    if (io.json) io.out(JSON.stringify({ tasks: rows }));
    else if (rows.length === 0) io.out("no tasks yet; npx edge-prefix push TASK_DIR adds one");
    else for (const row of rows) print(row, io.out);
    return 0;
  },
});

/** What is to be said of a task; a damaged one must not keep the others from being listed. */
export async function listRow(bucket: PublishBucket, task: string): Promise<Row | DamagedRow> {
  try {
    const { current, canary, versions } = await fetchTaskPointer(bucket, task);
    const entry = versions.find((item) => item.version === current);
    const manifest = entry && (await fetchManifest(bucket, task, entry));
    return {
      task,
      type: manifest?.type ?? "unknown",
      base: manifest ? shortIdentity(manifest.base) : "unknown",
      current,
      canary,
      versions: versions.map(({ version, created }) => ({ version, created })),
    };
  } catch (error) {
    if (!(error instanceof EdgePrefixError)) throw error;
    return { task, error: { code: error.code, message: error.message } };
  }
}

function print(row: Row | DamagedRow, out: (line: string) => void): void {
  if ("error" in row) {
    out(`${row.task}  error [${row.error.code}]: ${row.error.message}`);
    return;
  }
  const { task, type, base, current, canary, versions } = row;
  out(`${task}  ${type}, base ${base}`);
  for (const { version, created } of versions) {
    const share = canary?.version === version ? `  canary ${canary.percent} %` : "";
    out(`  ${version === current ? "*" : " "} ${version}  ${created}${share}`);
  }
}
