/** What serving needs of the world, as a browser has it. */
import { joinBytes } from "../../core/bytes.ts";
import type { Clock } from "../../core/clock.ts";
import type { RunningSha256 } from "../../core/format/checked-stream.ts";
import { sha256 } from "../../serve/sha256.ts";

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.addEventListener("message", () => waiting.shift()?.());
channel.port1.start();

/** The end of this turn. A timer of 0 ms would cost 4 ms, since browsers slow nested ones down. */
const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });

export const clock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  wait: (ms) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : nextTurn()),
};

export { sha256 };

/** Web Crypto hashes only what is whole, so the bytes are kept until then. */
export function startSha256(): RunningSha256 {
  const kept: Uint8Array[] = [];
  return {
    write: (piece) => void kept.push(piece.slice()),
    digest: () => sha256(joinBytes(kept.splice(0))),
  };
}

/** Nothing needs holding: what a Web Worker has begun goes on until the page closes it. */
export const hold = (promise: Promise<unknown>): void => void promise.catch(() => undefined);
