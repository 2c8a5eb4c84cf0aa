/** `history`: who changed a task, when, and to what. */
import { BUCKET_OPTIONS, withBucket } from "../cli/bucket-options.ts";
import { UsageError, defineCommand } from "../cli/command.ts";
import { readPublicKeyFile } from "../node/signer.ts";
import { readHistory } from "../publish/history.ts";

export const command = defineCommand({
  summary: "list the changes of a task, oldest first: when, what, by which key, from where",
  usage: "TASK | base:NAME [--public-key FILE] [--local | --remote]",
  example: "npx edge-prefix history sentiment",
  options: {
    "public-key": {
      type: "string",
      value: "FILE",
      hint: "verify the lines by these keys; exit code 1 when one is not signed by them",
    },
    ...BUCKET_OPTIONS,
  },
  async run({ values, positionals, io }) {
    const [name, ...more] = positionals;
    if (name === undefined || more.length > 0) {
      throw new UsageError(`history: expected one task, found ${positionals.length}`);
    }
    const file = values["public-key"];
    const keys = file === undefined ? null : await readPublicKeyFile(file);
    const lines = await withBucket(values, io, (bucket) => readHistory(bucket, name, keys));
    for (const { key, line, isSigned } of lines) {
      if (io.json) {
        io.out(JSON.stringify({ ...(line ?? { key, error: "unreadable" }), signed: isSigned }));
        continue;
      }
      if (!line) {
        io.out(printable(`${key}  cannot be read`));
        continue;
      }
      const { at, action, version, previous, from, seal } = line;
      const by = seal ? `key ${seal.key.slice(0, 12)}` : "no key";
      const verdict = isSigned === null ? "" : isSigned ? ", verified" : ", NOT VERIFIED";
      const moved = `${version ?? "-"}${previous === null ? "" : ` (was ${previous})`}`;
      io.out(printable(`${at}  ${action}  ${moved}  ${by}${verdict}  ${from}`));
    }
    if (lines.length === 0) io.err(`${name}: no change was recorded`);
    return lines.every(({ isSigned }) => isSigned !== false) ? 0 : 1;
  },
});

/** Without what would move a terminal's cursor or end the line: any writer of the bucket may add lines. */
const printable = (text: string): string => text.replace(/\p{C}/gu, "\ufffd");
