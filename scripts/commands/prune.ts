/** `prune`: files that no task and no base needs any more leave the bucket. */
import { dryRunOf } from "../publish/dry-run.ts";
import { prune } from "../publish/prune.ts";
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { UsageError, defineCommand, readNumber } from "../cli/command.ts";

const HOUR_MS = 3_600_000;

export const command = defineCommand({
  summary: "delete files that no task and no base in the bucket needs any more",
  usage: "[--grace HOURS] [--dry-run] [--local | --remote]",
  example: "npx edge-prefix prune --dry-run\nnpx edge-prefix prune --remote",
  options: {
    grace: {
      type: "string",
      value: "HOURS",
      default: "24",
      hint: "leave files that are younger: a push uploads them before it names them",
    },
    "dry-run": { type: "boolean", hint: "say what would be deleted, delete nothing" },
    ...BUCKET_OPTIONS,
  },
  async run({ values, positionals, io }) {
    if (positionals.length > 0) {
      throw new UsageError(`prune: expected no name, found ${positionals.length}`);
    }
    const hours = readNumber(values.grace, "--grace", { min: 0, max: 10_000 })!;
    const isDryRun = values["dry-run"] === true;
    const { deleted, named, young } = await withBucket(values, io, (bucket) =>
      prune(isDryRun ? dryRunOf(bucket) : bucket, {
        graceMs: hours * HOUR_MS,
        signal: io.signal,
      }),
    );
    const bytes = deleted.reduce((sum, item) => sum + item.bytes, 0);
    if (io.json) {
      const keys = deleted.map(({ key }) => key);
      io.out(JSON.stringify({ deleted: keys, bytes, named, young, dry_run: isDryRun }));
      return 0;
    }
    for (const { key, bytes: size, uploaded } of deleted) {
      io.out(`${key}  ${size.toLocaleString("en")} bytes, uploaded ${uploaded.toISOString()}`);
    }
    const done = isDryRun ? "would be deleted" : "deleted";
    io.out(
      `${deleted.length} files ${done}, ${(bytes / 1e6).toFixed(1)} MB; ${named} are needed, ${young} are younger than ${hours} h`,
    );
    return 0;
  },
});
