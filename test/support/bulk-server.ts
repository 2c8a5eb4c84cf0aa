/**
 * The app of files and batches on a port, over a store in memory, with S3's multipart paths beside it:
 * what a command line and a client of presigned URLs talk to.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AwsV4Signer } from "aws4fetch";
import { createBulkApp } from "../../src/http/bulk/bulk-app.ts";
import { s3Uploads } from "../../src/serve/bucket/s3-uploads.ts";
import type { Message } from "../../src/serve/bulk/messages.ts";
import { fakeApp } from "./fake-app.ts";
import { memoryObjects } from "./memory-objects.ts";
import type { MemoryObjects } from "./memory-objects.ts";

export interface BulkServer {
  readonly url: string;
  readonly store: MemoryObjects;
  readonly sent: Message[];
  /** Requests in their order, as "PUT /s3/bucket/key 1": method, path, and S3's number of the part. */
  readonly asked: string[];
  /** Answers instead where it returns a status; a status of 0 ends the connection. */
  before: (request: string, headers: IncomingMessage["headers"]) => number | undefined;
  /** Whether the Worker has credentials of S3; those of a test may be taken away. */
  hasCredentials: boolean;
  close(): Promise<void>;
}

const BUCKET = "bucket";
const CREDENTIALS = { accessKeyId: "test-key", secretAccessKey: "test-secret" };

/** `partBytes`: of presigned parts; null where the Worker has no credentials. */
export async function startBulkServer(
  partBytes: number | null,
  variables: Record<string, unknown> = {},
): Promise<BulkServer> {
  const store = memoryObjects();
  const parts = new Map<string, Map<number, Buffer>>();
  let [time, drawn] = [Date.parse("2026-06-01T00:00:00Z"), 0];

  async function answerS3(method: string, url: URL, body: Buffer): Promise<Response> {
    const key = url.pathname.slice(`/s3/${BUCKET}/`.length);
    const id = url.searchParams.get("uploadId");
    if (method === "POST" && id === null) {
      const made = `s3-${parts.size + 1}`;
      parts.set(made, new Map());
      return new Response(`<R><UploadId>${made}</UploadId></R>`);
    }
    const own = parts.get(id ?? "");
    if (!own) return new Response("<Error><Code>NoSuchUpload</Code></Error>", { status: 404 });
    if (method === "DELETE") {
      parts.delete(id!);
      return new Response(null, { status: 204 });
    }
    if (method === "PUT") {
      if (!(await isSigned(url, body.length))) {
        return new Response("<Error><Code>SignatureDoesNotMatch</Code></Error>", { status: 403 });
      }
      const number = Number(url.searchParams.get("partNumber"));
      own.set(number, body);
      return new Response(null, { headers: { etag: `"etag-${number}"` } });
    }
    const etags = [...body.toString().matchAll(/<ETag>"etag-(\d+)"<\/ETag>/g)];
    const bytes = Buffer.concat(etags.map(([, number]) => own.get(Number(number))!));
    parts.delete(id!);
    await store.create(key, new Uint8Array(bytes));
    return new Response("<CompleteMultipartUploadResult/>");
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? "";
    const url = new URL(request.url ?? "", server.url);
    const name = [method, url.pathname, url.searchParams.get("partNumber")]
      .filter(Boolean)
      .join(" ");
    server.asked.push(name);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces);
    const status = server.before(name, request.headers);
    if (status === 0) return void request.socket.destroy();
    const isS3 = url.pathname.startsWith("/s3/");
    const init = { method, headers: request.headers as Record<string, string> };
    const answer =
      status !== undefined
        ? new Response(null, { status })
        : isS3
          ? await answerS3(method, url, body)
          : await app.request(
              url.pathname + url.search,
              body.length > 0 ? { ...init, body } : init,
            );
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  }

  const listener = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const server: BulkServer = {
    url,
    store,
    sent: [],
    asked: [],
    before: () => undefined,
    hasCredentials: partBytes !== null,
    close: () => {
      listener.closeAllConnections();
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
  const place = { endpoint: `${url}/s3`, bucket: BUCKET, ...CREDENTIALS };
  const { deps } = fakeApp(variables);
  const uploads = s3Uploads({ ...place, ...(partBytes === null ? {} : { partBytes }) });
  const app = createBulkApp({
    ...deps,
    store,
    get uploads() {
      return server.hasCredentials ? uploads : null;
    },
    jobs: {
      store,
      sender: { send: async (messages) => void server.sent.push(...messages) },
      now: () => (time += 1_000),
      random: () => String(drawn++),
      versionOf: async () => "0123456789ab",
    },
  });
  return server;
}

/** Whether a URL was signed for a part of so many bytes. */
async function isSigned(url: URL, bytes: number): Promise<boolean> {
  const unsigned = new URL(url);
  unsigned.searchParams.delete("X-Amz-Signature");
  const signer = new AwsV4Signer({
    ...CREDENTIALS,
    method: "PUT",
    url: unsigned.href,
    headers: { "content-length": String(bytes) },
    service: "s3",
    region: "auto",
    signQuery: true,
    allHeaders: true,
    datetime: url.searchParams.get("X-Amz-Date") ?? "",
  });
  const again = (await signer.sign()).url.searchParams.get("X-Amz-Signature");
  return again === url.searchParams.get("X-Amz-Signature");
}
