/** What lives in the Worker's isolate, as V8's inspector counts it after a collection of garbage. */

import type { Started } from "./client.ts";

export interface Inspector {
  /**
   * Bytes of live JavaScript objects and of the buffers behind them; the runtime's wasm memory is in
   * /metrics.
   */
  liveBytes(): Promise<number>;
  /** The same without a collection: what waits for one counts, too. */
  usedBytes(): Promise<number>;
  close(): void;
}

/** Kept by the inspector for its console: not the Worker's own. */
const CONSOLE = "Runtime.discardConsoleEntries";

/** One is enough, as a rule. */
const MAX_ENTRIES = 1_000;

/** Connects to the inspector of a Worker that was started with one. */
export async function connectInspector({ inspectorUrl, get }: Started): Promise<Inspector> {
  if (inspectorUrl === null) throw new Error("inspector: the Worker was started without one");
  const targets = (await (await fetch(new URL("/json", inspectorUrl))).json()) as {
    id: string;
    webSocketDebuggerUrl: string;
  }[];
  // Without wrangler's proxy, the isolates of the emulated bucket are there to choose from too.
  const target = targets.find(({ id }) => id.startsWith("core:user:")) ?? targets[0]!;
  // wrangler's proxy lets clients in by their origin, which Node does not send by itself.
  const headers = { origin: "http://localhost" };
  const socket = new WebSocket(target.webSocketDebuggerUrl, { headers });
  const waiting = new Map<number, (result: Readonly<Record<string, number>>) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id: number; result: never };
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error("inspector: refused")), { once: true });
  });
  let calls = 0;
  const call = (method: string): Promise<Readonly<Record<string, number>>> =>
    new Promise((resolve) => {
      waiting.set(++calls, resolve);
      socket.send(JSON.stringify({ id: calls, method }));
    });
  const usedBytes = async (): Promise<number> => {
    const { usedSize = NaN, backingStorageSize = NaN } = await call("Runtime.getHeapUsage");
    return usedSize + backingStorageSize;
  };
  return {
    usedBytes,
    async liveBytes() {
      await call(CONSOLE);
      // The collection waits for the isolate to be entered, which only a request does.
      const collected = call("HeapProfiler.collectGarbage").then(() => true);
      const enter = (): Promise<boolean> =>
        get("/livez").then((answer) => answer.arrayBuffer().then(() => false));
      let entries = 0;
      while (!(await Promise.race([collected, enter()]))) {
        if (++entries > MAX_ENTRIES) throw new Error("inspector: garbage is not collected");
      }
      return usedBytes();
    },
    close: () => socket.close(),
  };
}
