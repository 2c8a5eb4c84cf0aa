/** The page's end of its service worker: starts it, and has it keep what the page has used. */
import type { AssetGroup } from "./assets.ts";

const SCRIPT = "/service-worker.js";

/** The service worker of the page at this address once it is active; null where there can be none. */
let starting: Promise<ServiceWorker | null> | undefined;

/** Keeps a group of files for a time without a network; returns whether they are kept. */
export async function keepOffline(group: AssetGroup): Promise<boolean> {
  const worker = await (starting ??= start().catch(() => null));
  if (worker === null) return false;
  const { port1, port2 } = new MessageChannel();
  const kept = new Promise<boolean>((resolve) => {
    port1.addEventListener("message", ({ data }) => resolve(data === true));
  });
  port1.start();
  worker.postMessage(group, [port2]);
  try {
    return await kept;
  } finally {
    port1.close();
  }
}

/** Registers the service worker for this page alone: other pages of the origin are not its own. */
async function start(): Promise<ServiceWorker | null> {
  if (!("serviceWorker" in navigator)) return null;
  const { installing, waiting, active } = await navigator.serviceWorker.register(SCRIPT, {
    scope: location.pathname,
  });
  const worker = installing ?? waiting ?? active;
  return worker && (await settled(worker)) ? worker : null;
}

/** Whether a service worker becomes active: one that cannot read its files does not. */
const settled = (worker: ServiceWorker): Promise<boolean> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (worker.state === "activated") resolve(true);
      if (worker.state === "redundant") resolve(false);
    };
    worker.addEventListener("statechange", look);
    look();
  });
