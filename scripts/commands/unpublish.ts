/** `unpublish`: a task is taken down; only its pointer goes. */
import { unpublishTask } from "../publish/unpublish-task.ts";
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { UsageError, defineCommand } from "../cli/command.ts";

export const command = defineCommand({
  summary: "take a task down: within a second it answers 404",
  usage: "TASK [--local | --remote]",
  example: "npx edge-prefix unpublish sentiment\nnpx edge-prefix unpublish sentiment --remote",
  options: BUCKET_OPTIONS,
  async run({ values, positionals, io }) {
    const [task, ...more] = positionals;
    if (task === undefined || more.length > 0) {
      throw new UsageError(`unpublish: expected one task name, found ${positionals.length}`);
    }
    const before = await withBucket(values, io, (bucket) => unpublishTask(bucket, task));
    const previous = before?.current ?? null;
    io.out(
      io.json
        ? JSON.stringify({ task, previous })
        : `${task}: taken down${previous === null ? "" : `, was ${previous}`}; its files stay until npx edge-prefix prune, and a push brings it back`,
    );
    return 0;
  },
});
