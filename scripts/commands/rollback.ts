/** `rollback`: an earlier version becomes current again; only the pointer moves. */
import { rollbackTask } from "../publish/move-task.ts";
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { SIGN_OPTIONS, sealingOf } from "../cli/sign-options.ts";
import { recordChange } from "../publish/history.ts";
import { UsageError, defineCommand } from "../cli/command.ts";

export const command = defineCommand({
  summary: "make an earlier version of a task current again",
  usage: "TASK [--to VERSION]",
  example: "npx edge-prefix rollback sentiment",
  options: {
    to: {
      type: "string",
      value: "VERSION",
      hint: "a version, or the start of one, as list shows it (default: the one before the current)",
    },
    ...SIGN_OPTIONS,
    ...BUCKET_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const [task, ...more] = positionals;
    if (task === undefined || more.length > 0) {
      throw new UsageError(`rollback: expected one task name, found ${positionals.length}`);
    }
    const sealing = await sealingOf(values);
    const { pointer, before, isChanged } = await withBucket(values, io, async (bucket) => {
      const move = await rollbackTask(bucket, task, values.to, undefined, sealing);
      const [version, previous] = [move.pointer.current, move.before?.current ?? null];
      const change = { name: task, action: "rollback", version, previous };
      if (move.isChanged) await recordChange(bucket, change, sealing);
      return move;
    });
    const version = pointer.current;
    const previous = before?.current ?? null;
    const what = isChanged ? `current again, was ${previous}` : "is current already";
    io.out(
      io.json
        ? JSON.stringify({ task, version, previous, changed: isChanged })
        : `${task} ${version}: ${what}`,
    );
    return 0;
  },
});
