/** Runs before each file of tests: they share one bucket, and find in it no task but their own. */
import { env } from "cloudflare:workers";
import { beforeAll } from "vitest";
import { TASK_PREFIX } from "../../src/core/format/keys.ts";

const r2 = (env as unknown as { BUCKET: R2Bucket }).BUCKET;

beforeAll(async () => {
  const { objects } = await r2.list({ prefix: TASK_PREFIX });
  await r2.delete(objects.map(({ key }) => key));
});
