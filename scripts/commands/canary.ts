/** `canary`: some of a task's requests go to another version; only the pointer moves. */
import { endCanary, startCanary } from "../publish/move-task.ts";
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { SIGN_OPTIONS, sealingOf } from "../cli/sign-options.ts";
import { recordChange } from "../publish/history.ts";
import { UsageError, defineCommand, readNumber } from "../cli/command.ts";

export const command = defineCommand({
  summary: "send a share of a task's requests to another version, or end that",
  usage: "TASK --version VERSION --percent N | TASK --promote | TASK --end",
  example:
    "npx edge-prefix canary sentiment --version 2f1c --percent 5\nnpx edge-prefix canary sentiment --promote",
  options: {
    version: {
      type: "string",
      value: "VERSION",
      hint: "a version, or the start of one, as list shows it; push --canary adds one",
    },
    percent: {
      type: "string",
      value: "N",
      hint: "share of the requests, 0 to 100; the same x-canary-key always gets the same version",
    },
    promote: { type: "boolean", hint: "the canary becomes the current version" },
    end: { type: "boolean", hint: "all requests are the current version's again" },
    ...SIGN_OPTIONS,
    ...BUCKET_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const [task, ...more] = positionals;
    if (task === undefined || more.length > 0) {
      throw new UsageError(`canary: expected one task name, found ${positionals.length}`);
    }
    const { version, promote = false, end = false } = values;
    const percent = readNumber(values.percent, "--percent", { min: 0, max: 100 });
    const isStart = version !== undefined && percent !== undefined;
    if (Number(isStart) + Number(promote) + Number(end) !== 1) {
      throw new UsageError("canary: expected --version with --percent, or --promote, or --end");
    }
    if (!isStart && (version !== undefined || percent !== undefined)) {
      throw new UsageError("canary: --promote and --end take no --version and no --percent");
    }
    const sealing = await sealingOf(values);
    const { pointer, before, isChanged } = await withBucket(values, io, async (bucket) => {
      const move = isStart
        ? await startCanary(bucket, task, { version, percent }, undefined, sealing)
        : await endCanary(bucket, task, { promote }, undefined, sealing);
      const action = isStart ? `canary ${percent} %` : promote ? "promote" : "end canary";
      const now = isStart ? move.pointer.canary!.version : move.pointer.current;
      const change = { name: task, action, version: now, previous: move.before?.current ?? null };
      if (move.isChanged) await recordChange(bucket, change, sealing);
      return move;
    });
    const { current, canary } = pointer;
    if (io.json) {
      const previous = before?.canary ?? null;
      io.out(JSON.stringify({ task, current, canary, previous, changed: isChanged }));
    } else if (canary) {
      io.out(`${task}: ${canary.percent} % to ${canary.version}, the rest to ${current}`);
    } else {
      io.out(`${task}: all requests to ${current}${isChanged ? "" : ", as before"}`);
    }
    return 0;
  },
});
