/** Starts a module as a Web Worker, also one of another origin. */

/**
 * A page may start only scripts of its own origin. One of another is imported by a script that the
 * page makes itself; the page's policy must then allow `worker-src blob:`, and the other origin must
 * give the script to all (`access-control-allow-origin`).
 */
export function startWorker(url: URL): Worker {
  const options = { type: "module", name: "edge-prefix" } as const;
  if (url.origin === location.origin) return new Worker(url, options);
  const script = new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" });
  const address = URL.createObjectURL(script);
  try {
    return new Worker(address, options);
  } finally {
    // The Worker has its own reference once it was started.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }
}
