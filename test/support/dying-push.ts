/**
 * A push that stops for ever before the n-th call of one bucket operation and says so, for a test to
 * kill it there: `dying-push.ts PERSIST_TO TASK_DIR OPERATION N`. Everything but the stop is the real
 * thing.
 */
import { openLocalBucket } from "../../scripts/publish/local-bucket.ts";
import type { PublishBucket } from "../../scripts/publish/bucket.ts";
import { publishTask } from "../../scripts/publish/publish-task.ts";

const [persistTo = "", folder = "", stopAt = "", stopCall = ""] = process.argv.slice(2);
let calls = 0;

/** Passes every call on, until the one before which the push stops. */
function stopping(bucket: PublishBucket): PublishBucket {
  const gate = async (operation: string): Promise<void> => {
    if (operation !== stopAt || ++calls < Number(stopCall)) return;
    process.send?.({ operation, calls });
    await new Promise(() => setInterval(() => undefined, 60_000));
  };
  return {
    get: (key) => gate("get").then(() => bucket.get(key)),
    stat: (key) => gate("stat").then(() => bucket.stat(key)),
    putBlob: (key, bytes, hash) => gate("putBlob").then(() => bucket.putBlob(key, bytes, hash)),
    putIf: (key, bytes, etag) => gate("putIf").then(() => bucket.putIf(key, bytes, etag)),
    list: (prefix) => gate("list").then(() => bucket.list(prefix)),
    delete: (key) => gate("delete").then(() => bucket.delete(key)),
  };
}

const bucket = await openLocalBucket(persistTo);
await publishTask(stopping(bucket), folder);
await bucket.close();
process.send?.({ operation: "none", calls });
process.disconnect?.();
