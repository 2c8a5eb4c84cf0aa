/**
 * Opening the deployed bucket by S3 credentials: what is wrong with them is said before any verb does
 * or shows anything. The host is a small server that answers as R2 does (XML error documents).
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { openRemoteBucket } from "../../../scripts/publish/remote-bucket.ts";

let server: Server;
let asked: string[];
afterEach(() => void server.close());

/** Opens bucket "live" on a host that gives every request this answer. */
async function open(status: number, body: string) {
  asked = [];
  server = createServer(({ method, url }, response) => {
    asked.push(`${method} ${url}`);
    response.writeHead(status, { "content-type": "application/xml" }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return openRemoteBucket({
    bucket: "live",
    endpoint: `http://127.0.0.1:${port}`,
    environment: { R2_ACCESS_KEY_ID: "key", R2_SECRET_ACCESS_KEY: "secret" },
    note: () => undefined,
  });
}

describe("opening the deployed bucket", () => {
  it.each([
    [403, "InvalidAccessKeyId", "bucket-access-denied"],
    [403, "SignatureDoesNotMatch", "bucket-access-denied"],
    [404, "NoSuchBucket", "bucket-not-found"],
  ])("is refused where the host answers %i %s", async (status, s3Code, code) => {
    const answer = open(status, `<Error><Code>${s3Code}</Code></Error>`);
    await expect(answer).rejects.toMatchObject({ code });
  });

  it("asks for a list once, and writes nothing", async () => {
    const bucket = await open(200, "<ListBucketResult></ListBucketResult>");
    await bucket.close();
    expect(asked).toEqual(["GET /live?list-type=2&prefix=bases%2F"]);
  });
});
