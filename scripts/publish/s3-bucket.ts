/**
 * A bucket over the S3 protocol: R2 itself, or any host that honours conditional writes (R2, AWS,
 * MinIO, wrangler's own local R2). Requests are signed by aws4fetch; the payload's hash is part of
 * the signature, so that bytes which change on their way are refused on arrival.
 */
import { AwsClient } from "aws4fetch";
import { InputError, NotFoundError, UnavailableError } from "../../src/core/errors.ts";
import { sleep } from "./bucket.ts";
import { sha256Hex } from "../node/hash.ts";
import type { ListedObject, PublishBucket, StoredObject, Wait } from "./bucket.ts";

export interface S3Options {
  /** `https://<account>.r2.cloudflarestorage.com` or another host; the bucket's name follows it. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Stops what is on its way. */
  readonly signal?: AbortSignal | undefined;
  readonly wait?: Wait | undefined;
}

/** A shard of 25 MB over a line of 1 Mbit/s. */
const TIMEOUT_MS = 240_000;
/** Attempts of a read. Writes are tried again in bucket.ts, which first looks what is there. */
const READ_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 200;

/** Another writer was first: the precondition failed, the object is gone, or both wrote at once. */
const CONFLICTS = [412, 404, 409];

/** Opens a bucket; nothing is asked of it yet. */
export function s3Bucket(options: S3Options): PublishBucket {
  const { endpoint, bucket, accessKeyId, secretAccessKey, signal, wait = sleep } = options;
  const root = `${endpoint.replace(/\/+$/, "")}/${encodeURIComponent(bucket)}`;
  const subject = `bucket "${bucket}" at ${new URL(endpoint).host}`;
  const service = { service: "s3", region: "auto", retries: 0 };
  const client = new AwsClient({ accessKeyId, secretAccessKey, ...service });

  async function ask(path: string, init: RequestInit): Promise<Response> {
    signal?.throwIfAborted();
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const response = await client.fetch(`${root}${path}`, {
      ...init,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    if (response.status === 401 || response.status === 403) {
      throw new InputError(
        "bucket-access-denied",
        `${subject}: refuses these credentials (${response.status} ${await codeOf(response)}); check R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY, and that the token may write objects`,
      );
    }
    return response;
  }

  /** A read that is tried again after network errors, 429 and 5xx. */
  async function read(path: string, method: "GET" | "HEAD"): Promise<Response> {
    let cause: unknown;
    for (let i = 0; i < READ_ATTEMPTS; i++) {
      if (i > 0) await wait(FIRST_PAUSE_MS * 2 ** (i - 1));
      try {
        const response = await ask(path, { method });
        if (response.status !== 429 && response.status < 500) return response;
        cause = new Error(`${response.status} ${await codeOf(response)}`);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof InputError) throw error;
        cause = error;
      }
    }
    throw new UnavailableError(
      "bucket-unavailable",
      `${subject}: cannot be read after ${READ_ATTEMPTS} attempts (last: ${reasonOf(cause)})`,
      { cause },
    );
  }

  /** Null for a key that is not there; throws NotFoundError when the bucket itself is not there. */
  async function readObject(path: string, method: "GET" | "HEAD"): Promise<Response | null> {
    const response = await read(path, method);
    if (response.ok) return response;
    const code = await codeOf(response);
    if (response.status === 404 && code !== "NoSuchBucket") return null;
    if (response.status === 404) {
      throw new NotFoundError("bucket-not-found", `${subject}: does not exist; create it first`);
    }
    throw new UnavailableError(
      "bucket-unavailable",
      `${subject}: answers ${response.status} ${code}`,
    );
  }

  /** Null when the object was written, else the answer that says why not. */
  async function write(
    key: string,
    bytes: Uint8Array,
    headers: Record<string, string>,
  ): Promise<Response | null> {
    const response = await ask(pathOf(key), {
      method: "PUT",
      // Never shared memory, which a browser's types refuse.
      body: bytes as Uint8Array<ArrayBuffer>,
      headers: { "x-amz-content-sha256": sha256Hex(bytes), ...headers },
    });
    return response.ok ? null : response;
  }

  return {
    async get(key): Promise<StoredObject | null> {
      const response = await readObject(pathOf(key), "GET");
      if (!response) return null;
      return { bytes: new Uint8Array(await response.arrayBuffer()), etag: etagOf(response) };
    },
    async stat(key) {
      const response = await readObject(pathOf(key), "HEAD");
      if (!response) return null;
      const bytes = Number(response.headers.get("content-length") ?? NaN);
      return { bytes, md5: MD5_ETAG.exec(etagOf(response))?.[1] ?? null };
    },
    async putBlob(key, bytes) {
      const refusal = await write(key, bytes, { "content-type": "application/octet-stream" });
      if (refusal) throw new Error(`${subject}: ${refusal.status} ${await codeOf(refusal)}`);
    },
    async putIf(key, bytes, etag) {
      const condition = etag === null ? { "if-none-match": "*" } : { "if-match": etag };
      const headers = { "content-type": "application/json", ...condition };
      const refusal = await write(key, bytes, headers);
      if (refusal && !CONFLICTS.includes(refusal.status)) {
        throw new Error(`${subject}: ${refusal.status} ${await codeOf(refusal)}`);
      }
      return refusal === null;
    },
    async list(prefix) {
      const listed: ListedObject[] = [];
      let token: string | undefined;
      do {
        const query = new URLSearchParams({ "list-type": "2", prefix });
        if (token !== undefined) query.set("continuation-token", token);
        const page = await readObject(`?${query}`, "GET");
        const xml = (await page?.text()) ?? "";
        listed.push(...textsOf(xml, "Contents", false).map(readListed));
        const isMore = textsOf(xml, "IsTruncated")[0] === "true";
        token = isMore ? textsOf(xml, "NextContinuationToken")[0] : undefined;
      } while (token !== undefined);
      return listed;
    },
    async delete(key) {
      const response = await ask(pathOf(key), { method: "DELETE" });
      if (response.ok || response.status === 404) return;
      throw new Error(`${subject}: ${response.status} ${await codeOf(response)}`);
    },
  };
}

/** Keys of this project need no escaping but of what a name may not hold anyway. */
const pathOf = (key: string): string => `/${key.split("/").map(encodeURIComponent).join("/")}`;

/** The etag of an object that was written in one piece is the MD5 of its content. */
const MD5_ETAG = /^"?([0-9a-f]{32})"?$/;

/** Etags are compared as the host spells them, quotes and all. */
const etagOf = (response: Response): string => response.headers.get("etag") ?? "";

/** `<Code>` of an error document: `NoSuchKey`, `SignatureDoesNotMatch`. */
async function codeOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  return textsOf(text, "Code")[0] ?? response.statusText;
}

/** One `<Contents>` of a listing. */
function readListed(xml: string): ListedObject {
  const field = (name: string): string => textsOf(xml, name)[0] ?? "";
  return {
    key: field("Key"),
    bytes: Number(field("Size")),
    uploaded: new Date(field("LastModified")),
  };
}

/** The texts of all elements of a name, or with `isText` false what is inside them, as it is. */
function textsOf(xml: string, element: string, isText = true): string[] {
  const pattern = new RegExp(`<${element}>(.*?)</${element}>`, "gs");
  return [...xml.matchAll(pattern)].map(([, inner = ""]) => (isText ? unescapeXml(inner) : inner));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&amp;": "&",
};

const unescapeXml = (text: string): string =>
  text.replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITIES[entity] ?? entity);

/** Node's fetch hides the reason one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
