/**
 * Multipart uploads that go past the Worker: it begins and ends them by R2's S3 interface, and signs a
 * URL for each part, to which a client sends the bytes. So a file may be larger than a request's body,
 * and none of it passes through an isolate.
 */
import { AwsClient } from "aws4fetch";
import { InputError, UnavailableError } from "../../core/errors.ts";

export interface S3Place {
  /** `https://<account>.r2.cloudflarestorage.com`, or another S3 host. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Bytes of each part but the last; PART_BYTES unless it is said. */
  readonly partBytes?: number;
}

/** Every method throws UnavailableError `bucket-unavailable` when the bucket cannot be asked. */
export interface S3Uploads {
  /** Bytes of each part but the last. */
  readonly partBytes: number;
  /** Begins an upload of an object; returns the id that the others take. */
  begin(key: string): Promise<string>;
  /**
   * A URL that takes one part of `bytes` by PUT for an hour; parts count from 1. The length is signed, so the
   * bucket refuses a part of another one. Nothing is asked.
   */
  urlOf(key: string, upload: string, part: number, bytes: number): Promise<string>;
  /** Puts the object in its place, of the parts by their ETags. Throws InputError `upload-incomplete`. */
  complete(key: string, upload: string, etags: readonly string[]): Promise<void>;
  /** Deletes what has been sent. */
  abort(key: string, upload: string): Promise<void>;
}

/** Seconds for which a URL is good: a part of 32 MiB over a line of 100 kbit/s takes 45 minutes. */
export const URL_EXPIRES_S = 3_600;

/** 10,000 parts of these are 312 GiB; R2 wants 5 MiB at least. */
const PART_BYTES = 33_554_432;

export function s3Uploads({
  endpoint,
  bucket,
  partBytes = PART_BYTES,
  ...credentials
}: S3Place): S3Uploads {
  const client = new AwsClient({ ...credentials, service: "s3", region: "auto", retries: 0 });
  const root = `${endpoint.replace(/\/+$/, "")}/${encodeURIComponent(bucket)}`;
  const urlOf = (key: string, query: Record<string, string>): string =>
    `${root}/${key}?${new URLSearchParams(query)}`;

  async function ask(key: string, query: Record<string, string>, init: RequestInit) {
    let response: Response;
    try {
      response = await client.fetch(urlOf(key, query), init);
    } catch (cause) {
      throw unavailable(key, String(cause), cause);
    }
    const text = await response.text();
    const code = elementOf(text, "Code");
    // An upload that cannot be completed may say so in the body of an answer with status 200.
    if (response.ok && code === null) return text;
    if (code !== null && REFUSALS.includes(code)) {
      throw new InputError(
        "upload-incomplete",
        `upload: the bucket refuses its parts (${code}); send those again that are missing, or begin another upload`,
      );
    }
    throw unavailable(key, `${response.status} ${code ?? ""}`);
  }

  return {
    partBytes,
    async begin(key) {
      const id = elementOf(await ask(key, { uploads: "" }, { method: "POST" }), "UploadId");
      if (id === null) throw unavailable(key, "an answer without an UploadId");
      return id;
    },
    async urlOf(key, uploadId, part, bytes) {
      const query = { partNumber: String(part), uploadId, "X-Amz-Expires": String(URL_EXPIRES_S) };
      const headers = { "content-length": String(bytes) };
      // aws4fetch signs a length only where it is told to sign all headers.
      const aws = { signQuery: true, allHeaders: true };
      return (await client.sign(urlOf(key, query), { method: "PUT", headers, aws })).url;
    },
    async complete(key, uploadId, etags) {
      const parts = etags.map(
        (etag, i) =>
          `<Part><PartNumber>${i + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
      );
      const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
      await ask(key, { uploadId }, { method: "POST", body });
    },
    async abort(key, uploadId) {
      try {
        await ask(key, { uploadId }, { method: "DELETE" });
      } catch (error) {
        // An upload that is not there any more has nothing left to delete.
        if (!(error instanceof InputError)) throw error;
      }
    },
  };
}

/** Codes of S3 that say something about the parts; any other is about the bucket or its credentials. */
const REFUSALS = [
  "NoSuchUpload",
  "InvalidPart",
  "InvalidPartOrder",
  "EntityTooSmall",
  "EntityTooLarge",
  "MalformedXML",
];

const unavailable = (key: string, reason: string, cause?: unknown): UnavailableError =>
  new UnavailableError(
    "bucket-unavailable",
    `bucket object "${key}": cannot be asked for now by S3 (${reason.trim()}); check R2_ENDPOINT, R2_BUCKET and the credentials`,
    { cause },
  );

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

const escapeXml = (text: string): string => text.replace(/[&<>]/g, (sign) => ENTITIES[sign]!);

/** The text of an element of an S3 answer; null where there is none. Upload ids need no unescaping. */
const elementOf = (xml: string, name: string): string | null =>
  new RegExp(`<${name}>(.*?)</${name}>`, "s").exec(xml)?.[1] ?? null;
