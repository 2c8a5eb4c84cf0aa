/**
 * Files that a page has loaded before, in the browser's own store (Cache API): a blob is read from
 * there without a request, a pointer when the network fails. So a page that has answered once answers
 * offline.
 */
import { BASE_PREFIX, blobHash } from "../../core/format/keys.ts";
import type { Sha256 } from "../../core/format/manifest.ts";
import type { FetchFile } from "../../serve/bucket/http.ts";

/** The part of a Cache that is used. */
export interface FileCache {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
  keys(): Promise<readonly { readonly url: string }[]>;
}

export interface KeptFiles {
  /** Asks the store and the network. */
  readonly fetch: FetchFile;
  /** Resolves when all that has been read is kept, or cannot be. */
  settled(): Promise<void>;
}

const CACHE = "edge-prefix";

/** This browser's store; null where it has none, or has none for this page. */
export const openFileCache = (): Promise<FileCache | null> =>
  globalThis.caches?.open(CACHE).catch(() => null) ?? Promise.resolve(null);

/** Keeps the files below `root`, such as "https://my-worker.example/files/". */
export function keptFiles(
  root: string,
  cache: FileCache | null,
  sha256: Sha256,
  fetch: (...args: Parameters<FetchFile>) => Promise<Response>,
): KeptFiles {
  if (cache === null) return { fetch, settled: () => Promise.resolve() };
  const pending = new Set<Promise<void>>();
  const hashOf = (url: string): string | null =>
    url.startsWith(root) ? blobHash(url.slice(root.length)) : null;

  return {
    async fetch(url, init) {
      const hash = hashOf(url);
      if (hash === null) return fetchPointer(url, init);
      const kept = await cache.match(url);
      if (kept) return kept;
      const response = await fetch(url, init);
      if (response.ok) {
        const keeping = keepBlob(url, hash, response.clone()).catch(() => undefined);
        pending.add(keeping);
        void keeping.then(() => pending.delete(keeping));
      }
      return response;
    },
    async settled() {
      await Promise.all(pending);
    },
  };

  async function fetchPointer(...[url, init]: Parameters<FetchFile>): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(url, init);
    } catch (error) {
      const kept = await cache!.match(url);
      if (kept) return kept;
      throw error;
    }
    // A full disk must not keep a page from answering.
    if (response.ok) await keepPointer(url, response.clone()).catch(() => undefined);
    return response;
  }

  async function keepPointer(url: string, response: Response): Promise<void> {
    const [before, text] = await Promise.all([
      cache!.match(url).then((kept) => kept?.text()),
      response.text(),
    ]);
    if (text === before) return;
    if (before !== undefined && url.startsWith(root + BASE_PREFIX)) await forgetBlobs();
    await cache!.put(url, new Response(text));
  }

  /** What belongs to another base is not asked for again, and is the most of what is kept. */
  async function forgetBlobs(): Promise<void> {
    for (const { url } of await cache!.keys()) if (hashOf(url) !== null) await cache!.delete(url);
  }

  /** Only what its name promises: a damaged file would otherwise be found again for ever. */
  async function keepBlob(url: string, hash: string, response: Response): Promise<void> {
    const bytes = new Uint8Array(await response.arrayBuffer());
    if ((await sha256(bytes)) === hash) await cache!.put(url, new Response(bytes));
  }
}
