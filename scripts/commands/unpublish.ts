/** `unpublish`: a task is taken down, or one of its versions revoked; files stay. */
import { unpublishTask } from "../publish/unpublish-task.ts";
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { SIGN_OPTIONS, sealingOf } from "../cli/sign-options.ts";
import { recordChange } from "../publish/history.ts";
import { revokeVersion } from "../publish/move-task.ts";
import { UsageError, defineCommand } from "../cli/command.ts";

export const command = defineCommand({
  summary: "take a task down: within a second it answers 404",
  usage: "TASK [--version VERSION] [--local | --remote]",
  example: "npx edge-prefix unpublish sentiment\nnpx edge-prefix unpublish sentiment --remote",
  options: {
    version: {
      type: "string",
      value: "VERSION",
      hint: "revoke only this version: it answers no more and cannot be pushed again",
    },
    ...SIGN_OPTIONS,
    ...BUCKET_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const [task, ...more] = positionals;
    if (task === undefined || more.length > 0) {
      throw new UsageError(`unpublish: expected one task name, found ${positionals.length}`);
    }
    const sealing = await sealingOf(values);
    const { version } = values;
    if (version !== undefined) {
      const revoked = await withBucket(values, io, async (bucket) => {
        const { pointer, isChanged } = await revokeVersion(
          bucket,
          task,
          version,
          undefined,
          sealing,
        );
        const found = pointer.revoked![0]!;
        const change = { name: task, action: `revoke ${found}`, version: pointer.current };
        if (isChanged)
          await recordChange(bucket, { ...change, previous: pointer.current }, sealing);
        return found;
      });
      io.out(
        io.json
          ? JSON.stringify({ task, revoked })
          : `${task} ${revoked}: revoked, answers no more`,
      );
      return 0;
    }
    const before = await withBucket(values, io, async (bucket) => {
      const found = await unpublishTask(bucket, task);
      const change = { name: task, action: "unpublish", version: null };
      await recordChange(bucket, { ...change, previous: found?.current ?? null }, sealing);
      return found;
    });
    const previous = before?.current ?? null;
    io.out(
      io.json
        ? JSON.stringify({ task, previous })
        : `${task}: taken down${previous === null ? "" : `, was ${previous}`}; its files stay until npx edge-prefix prune, and a push brings it back`,
    );
    return 0;
  },
});
