/** The bindings of wrangler.toml that tests reach through `cloudflare:workers`, as `wrangler types` would write them. */
declare namespace Cloudflare {
  interface Env {
    readonly BUCKET: R2Bucket;
    readonly BASE: string;
    readonly QUEUE: Queue;
  }
}
