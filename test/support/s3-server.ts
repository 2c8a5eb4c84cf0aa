/** The real Worker in a local workerd whose R2 bucket also answers S3 requests, signatures checked. */
import { join } from "node:path";
import { unstable_startWorker } from "wrangler";
import { PACKAGE } from "../../scripts/node/project.ts";

export interface S3Server {
  /** Of the Worker. */
  readonly url: string;
  /** Of the S3 API, without the bucket. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** What test/e2e/s3/wrangler.toml says. */
export const S3_BUCKET = "edge-prefix-test";
export const S3_CREDENTIALS = { accessKeyId: "test-key", secretAccessKey: "test-secret" };

/** Starts it on a free port; storage lives below `persistTo`. */
export async function startS3Server(persistTo: string): Promise<S3Server> {
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
  const worker = await unstable_startWorker({
    config: join(PACKAGE, "test", "e2e", "s3", "wrangler.toml"),
    dev: {
      server: { port: 0 },
      inspector: false,
      logLevel: "error",
      watch: false,
      persist: persistTo,
    },
  });
  await worker.ready;
  const url = String(await worker.url).replace(/\/$/, "");
  return { url, endpoint: `${url}/cdn-cgi/local/r2/s3`, stop: () => worker.dispose() };
}
