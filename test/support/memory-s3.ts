/**
 * A bucket in memory behind the S3 protocol, on a port of this machine: verbs reach it by `--remote
 * --endpoint`, as they reach R2, in milliseconds. Signatures of requests are not checked (test/e2e does).
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createMemoryBucket } from "./memory-bucket.ts";
import type { MemoryBucket } from "./memory-bucket.ts";

export interface MemoryS3 {
  readonly bucket: MemoryBucket;
  /** The options that name it to a verb. */
  readonly options: readonly string[];
  /** The credentials that a verb wants in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts the host of one empty bucket, "live". */
export async function startMemoryS3(): Promise<MemoryS3> {
  const bucket = createMemoryBucket();
  const server = createServer((request, response) => {
    answer(bucket, request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    bucket,
    options: ["--remote", "--bucket", "live", "--endpoint", `http://127.0.0.1:${port}`],
    environment: { R2_ACCESS_KEY_ID: "key", R2_SECRET_ACCESS_KEY: "secret" },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function answer(
  bucket: MemoryBucket,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
  const key = decodeURIComponent(pathname.replace(/^\/live\/?/, ""));
  if (key === "") {
    const listed = await bucket.list(searchParams.get("prefix") ?? "");
    const contents = listed.map(
      (item) =>
        `<Contents><Key>${item.key}</Key><Size>${item.bytes}</Size><LastModified>${item.uploaded.toISOString()}</LastModified></Contents>`,
    );
    response.end(`<ListBucketResult>${contents.join("")}</ListBucketResult>`);
  } else if (request.method === "PUT") {
    response.writeHead(await put(bucket, key, request)).end();
  } else if (request.method === "DELETE") {
    await bucket.delete(key);
    response.writeHead(204).end();
  } else {
    const object = await bucket.get(key);
    if (!object) response.writeHead(404).end("<Error><Code>NoSuchKey</Code></Error>");
    else {
      const { bytes, etag } = object;
      response.writeHead(200, { etag, "content-length": bytes.byteLength }).end(bytes);
    }
  }
}

/** The status of a write: with a condition it is one of compare-and-swap. */
async function put(bucket: MemoryBucket, key: string, request: IncomingMessage): Promise<number> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const bytes = Uint8Array.from(Buffer.concat(parts));
  const { "if-match": etag, "if-none-match": isAbsent } = request.headers;
  if (etag === undefined && isAbsent === undefined) {
    await bucket.putBlob(key, bytes, String(request.headers["x-amz-content-sha256"]));
    return 200;
  }
  return (await bucket.putIf(key, bytes, etag ?? null)) ? 200 : 412;
}
