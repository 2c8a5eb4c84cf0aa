/** `push`: task folders, or a base folder, into the bucket; live on the next request. */
import { shortIdentity } from "../../src/core/manifest.ts";
import { publishBase } from "../publish/publish-base.ts";
import { publishTask } from "../publish/publish-task.ts";
import { BUCKET_OPTIONS, withBucket } from "./bucket-options.ts";
import { UsageError, defineCommand } from "./command.ts";

export const command = defineCommand({
  summary: "put tasks, or a base, into the bucket that the Worker serves from",
  usage: "TASK_DIR... | --base DIR [--local]",
  example: "npx edge-prefix push prefixes/sentiment --local",
  options: {
    base: { type: "string", value: "DIR", hint: "also upload this base folder, before the tasks" },
    ...BUCKET_OPTIONS,
  },
  async run({ values, positionals, io }) {
    if (positionals.length === 0 && values.base === undefined) {
      throw new UsageError("push: name at least one task folder, or --base DIR");
    }
    await withBucket(values, async (bucket) => {
      if (values.base !== undefined) {
        const { isChanged, ...base } = await publishBase(bucket, values.base);
        const what = isChanged ? `published, ${base.uploaded} new files` : "unchanged";
        io.out(
          io.json
            ? JSON.stringify({ ...base, changed: isChanged })
            : `base ${shortIdentity(base)}: ${what}`,
        );
      }
      for (const folder of positionals) {
        io.signal.throwIfAborted();
        const { isChanged, ...published } = await publishTask(bucket, folder);
        const { task, version, previous } = published;
        const what = isChanged ? `published${previous ? `, was ${previous}` : ""}` : "unchanged";
        io.out(
          io.json
            ? JSON.stringify({ ...published, changed: isChanged })
            : `${task} ${version}: ${what}`,
        );
      }
    });
    return 0;
  },
});
