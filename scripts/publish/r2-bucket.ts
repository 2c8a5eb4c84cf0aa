/** An R2 binding as publishing sees it: local storage, or a deployed bucket through wrangler. */
import type { R2Bucket } from "@cloudflare/workers-types";
import type { ListedObject, PublishBucket } from "./bucket.ts";

export function publishBucketOf(r2: R2Bucket): PublishBucket {
  return {
    async get(key) {
      const object = await r2.get(key);
      return object && { bytes: new Uint8Array(await object.arrayBuffer()), etag: object.etag };
    },
    async stat(key) {
      const object = await r2.head(key);
      return object && { bytes: object.size, md5: object.checksums.toJSON().md5 ?? null };
    },
    async putBlob(key, bytes, sha256) {
      await r2.put(key, bytes, { sha256 });
    },
    async putIf(key, bytes, etag) {
      const onlyIf = etag === null ? { etagDoesNotMatch: "*" } : { etagMatches: etag };
      const httpMetadata = { contentType: "application/json" };
      return (await r2.put(key, bytes, { onlyIf, httpMetadata })) !== null;
    },
    async list(prefix) {
      const listed: ListedObject[] = [];
      let cursor: string | undefined;
      do {
        const page = await r2.list({ prefix, ...(cursor === undefined ? {} : { cursor }) });
        listed.push(
          ...page.objects.map(({ key, size, uploaded }) => ({ key, bytes: size, uploaded })),
        );
        cursor = page.truncated ? page.cursor : undefined;
      } while (cursor !== undefined);
      return listed;
    },
    delete: (key) => r2.delete(key),
  };
}
