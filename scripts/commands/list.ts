/** `list`: what the bucket serves, and the versions that a rollback can reach. */
import { EdgePrefixError } from "../../src/core/errors.ts";
import { shortIdentity } from "../../src/core/manifest.ts";
import type { PublishBucket } from "../publish/bucket.ts";
import { BUCKET_OPTIONS, withBucket } from "./bucket-options.ts";
import { fetchTaskPointer, fetchVersion, listTasks } from "../publish/publish-task.ts";
import { defineCommand } from "./command.ts";

interface Row {
  readonly task: string;
  readonly type: string;
  readonly base: string;
  readonly current: string;
  readonly versions: readonly { readonly version: string; readonly created: string }[];
}

interface DamagedRow {
  readonly task: string;
  readonly error: { readonly code: string; readonly message: string };
}

export const command = defineCommand({
  summary: "list the tasks in the bucket with their versions, newest first",
  usage: "[--local]",
  example: "npx edge-prefix list",
  options: BUCKET_OPTIONS,
  async run({ values, io }) {
    const rows = await withBucket(values, async (bucket) => {
      const rows: (Row | DamagedRow)[] = [];
      for (const task of await listTasks(bucket)) rows.push(await listRow(bucket, task));
      return rows;
    });
    if (io.json) io.out(JSON.stringify({ tasks: rows }));
    else if (rows.length === 0) io.out("no tasks yet; npx edge-prefix push TASK_DIR adds one");
    else for (const row of rows) print(row, io.out);
    return 0;
  },
});

/** What is to be said of a task; a damaged one must not keep the others from being listed. */
export async function listRow(bucket: PublishBucket, task: string): Promise<Row | DamagedRow> {
  try {
    const { current, versions } = await fetchTaskPointer(bucket, task);
    const entry = versions.find((item) => item.version === current);
    const version = entry && (await fetchVersion(bucket, task, entry));
    return {
      task,
      type: version?.manifest.type ?? "unknown",
      base: version ? shortIdentity(version.manifest.base) : "unknown",
      current,
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
  const { task, type, base, current, versions } = row;
  out(`${task}  ${type}, base ${base}`);
  for (const { version, created } of versions) {
    out(`  ${version === current ? "*" : " "} ${version}  ${created}`);
  }
}
