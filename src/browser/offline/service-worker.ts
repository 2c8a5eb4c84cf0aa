/**
 * The page without a network: its document, scripts and styles are kept in the browser's store (Cache
 * API), and are given out where the network fails. With a network every file is asked of the server, as
 * without a service worker. Only files of the page are answered: no task, no prediction, no other path
 * of the origin, which may belong to the app that mounts the page.
 */
import type { AssetGroup, AssetList } from "./assets.ts";

/** The build fills it in (scripts/dev/page.ts): another list makes another script, which browsers install. */
declare const ASSETS: AssetList;

/** The part of a service worker's scope that is used; the types of pages do not have it. */
interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Lasting) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
  addEventListener(type: "message", listener: (event: Lasting & MessageEvent) => void): void;
}
interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = globalThis as unknown as Scope;
const { version, groups } = ASSETS;
const NAMES = Object.keys(groups) as AssetGroup[];
const PREFIX = "edge-prefix-page-";
const CACHE = `${PREFIX}${version}`;
const PATHS = new Set(Object.values(groups).flatMap((assets) => assets.map(([path]) => path)));

/** Where the page lies: "/", or the path at which an app has mounted it. */
const documentPath = new URL(scope.registration.scope).pathname;

/** Keeps the files of a group that are not kept yet. Fails where one is not of this version. */
async function keep(group: AssetGroup): Promise<void> {
  const cache = await caches.open(CACHE);
  const missing: Promise<void>[] = groups[group].map(async ([path, integrity]) => {
    if (!(await cache.match(path))) await cache.put(path, await read(path, { integrity }));
  });
  if (group === "page") {
    // To programs this path answers with JSON.
    const headers = { accept: "text/html" };
    missing.push(read(documentPath, { headers }).then((page) => cache.put(documentPath, page)));
  }
  await Promise.all(missing);
}

async function read(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(path, init);
  if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
  return response;
}

/** Groups that an older version has kept, so that an update takes nothing away. */
async function groupsOfOlder(): Promise<AssetGroup[]> {
  const older = await Promise.all((await olderCaches()).map((name) => caches.open(name)));
  const found = NAMES.map(async (group) => {
    const [path] = groups[group][0]!;
    const kept = await Promise.all(older.map((cache) => cache.match(path)));
    return kept.some((response) => response !== undefined) ? [group] : [];
  });
  return (await Promise.all(found)).flat();
}

const olderCaches = async (): Promise<string[]> =>
  (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);

async function install(): Promise<void> {
  const wanted = new Set<AssetGroup>(["page", ...(await groupsOfOlder())]);
  await Promise.all([...wanted].map(keep));
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  await Promise.all((await olderCaches()).map((name) => caches.delete(name)));
  await scope.clients.claim();
}

/** The path under which what is asked for is kept; null for what is none of the page's files. */
function keptPath({ method, mode, url }: Request): string | null {
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return null;
  if (mode !== "navigate") return PATHS.has(pathname) ? pathname : null;
  return trimmed(pathname) === trimmed(documentPath) ? documentPath : null;
}

const trimmed = (path: string): string => path.replace(/\/+$/, "");

async function answer(request: Request, path: string): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    // What was asked for by other headers is the same file.
    const kept = await (await caches.open(CACHE)).match(path, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

scope.addEventListener("install", (event) => event.waitUntil(install()));
scope.addEventListener("activate", (event) => event.waitUntil(activate()));
scope.addEventListener("fetch", (event) => {
  const path = keptPath(event.request);
  if (path !== null) event.respondWith(answer(event.request, path));
});
scope.addEventListener("message", (event) => {
  const group = NAMES.find((name) => name === event.data);
  const [port] = event.ports;
  if (group === undefined || port === undefined) return;
  event.waitUntil(
    keep(group).then(
      () => port.postMessage(true),
      () => port.postMessage(false),
    ),
  );
});
