/** What serving needs of the world, as a browser has it. */
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
  let bytes = 0;
  return {
    write(piece) {
      kept.push(piece.slice());
      bytes += piece.byteLength;
    },
    digest() {
      const whole = new Uint8Array(bytes);
      let at = 0;
      for (const piece of kept.splice(0)) {
        whole.set(piece, at);
        at += piece.byteLength;
      }
      return sha256(whole);
    },
  };
}

/** Nothing needs holding: what a Web Worker has begun goes on until the page closes it. */
export const hold = (promise: Promise<unknown>): void => void promise.catch(() => undefined);
