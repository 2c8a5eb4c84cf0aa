/** What a bucket answers about an upload by S3: what a client can mend, and what only its owner can. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { s3Uploads } from "../../../../src/serve/bucket/s3-uploads.ts";

const uploads = s3Uploads({
  endpoint: "https://bucket.test",
  bucket: "b",
  accessKeyId: "id",
  secretAccessKey: "secret",
});
const answer = (status: number, code: string | null): void => {
  const body = code === null ? "" : `<Error><Code>${code}</Code></Error>`;
  vi.stubGlobal("fetch", async () => new Response(body, { status }));
};
const complete = (): Promise<void> => uploads.complete("k", "u", ['"a"']);
afterEach(() => vi.unstubAllGlobals());

describe("an upload that is completed", () => {
  it.each([
    [404, "NoSuchUpload"],
    [400, "InvalidPart"],
    [400, "EntityTooSmall"],
    [200, "InvalidPart"],
  ])("is incomplete for %s %s", async (status, code) => {
    answer(status, code);
    await expect(complete()).rejects.toMatchObject({ code: "upload-incomplete" });
  });

  it.each([
    [401, "Unauthorized"],
    [403, "SignatureDoesNotMatch"],
    [404, "NoSuchBucket"],
    [429, "TooManyRequests"],
    [200, "InternalError"],
    [500, null],
  ])("says nothing about its parts for %s %s", async (status, code) => {
    answer(status, code);
    await expect(complete()).rejects.toMatchObject({ code: "bucket-unavailable" });
  });
});

describe("an upload that is aborted", () => {
  it("may be gone already", async () => {
    answer(404, "NoSuchUpload");
    await expect(uploads.abort("k", "u")).resolves.toBeUndefined();
  });

  it("is not believed to be gone when the bucket cannot be asked", async () => {
    answer(403, "AccessDenied");
    await expect(uploads.abort("k", "u")).rejects.toMatchObject({ code: "bucket-unavailable" });
  });
});
