/**
 * Bodies that are being sent: what is held of them, and who may hold how much. A client can open
 * thousands of requests and never finish one. So a caller has a number of bodies on their way at once,
 * and all callers together a number of bytes. Beyond it, the caller's oldest body is given up, or the
 * largest of all: a small request is always let in.
 *
 * Plain data: in a Worker one request may not touch another's streams, but it may empty its buffer.
 * The request that is given up learns it when its next bytes come, or when its watch looks.
 */

export interface OpenBody {
  /** Keeps a copy of what has come. What an OpenBody that was given up is sent is not kept. */
  append(chunk: Uint8Array): void;
  /** All that has come so far. */
  readonly bytes: Uint8Array;
  /** It had to make room for others. */
  readonly isGivenUp: boolean;
  /** It is complete, or its request has ended: it no longer counts. */
  close(): void;
}

export interface OpenBodies {
  open(caller: string): OpenBody;
}

export interface OpenBodiesOptions {
  /** Bodies that one caller may be sending at once. */
  readonly maxPerCaller: number;
  /** Bytes of all bodies that are being sent. */
  readonly maxBytes: number;
}

/** Room for a usual request; it doubles as bytes come, whatever length was announced. */
const FIRST_BYTES = 1_024;

interface Held extends OpenBody {
  readonly capacity: number;
  giveUp(): void;
}

export function createOpenBodies({ maxPerCaller, maxBytes }: OpenBodiesOptions): OpenBodies {
  /** Each in the order of their coming. */
  const byCaller = new Map<string, Set<Held>>();
  let total = 0;

  function largest(): Held | null {
    let found: Held | null = null;
    for (const bodies of byCaller.values()) {
      for (const body of bodies) if (body.capacity > (found?.capacity ?? 0)) found = body;
    }
    return found;
  }

  function makeRoom(): void {
    let excess = total - maxBytes;
    while (excess > 0) {
      const body = largest();
      if (!body) return;
      excess -= body.capacity;
      body.giveUp();
    }
  }

  return {
    open(caller) {
      const own = byCaller.get(caller) ?? new Set();
      for (const oldest of own) {
        if (own.size < maxPerCaller) break;
        oldest.giveUp();
      }
      // After that: giving up the only body of a caller takes the caller out.
      byCaller.set(caller, own);
      let buffer = new Uint8Array(0);
      let size = 0;
      let isGivenUp = false;
      const leave = (): void => {
        if (!own.delete(body)) return;
        total -= buffer.byteLength;
        if (own.size === 0 && byCaller.get(caller) === own) byCaller.delete(caller);
      };
      const body: Held = {
        append(chunk) {
          if (!own.has(body)) return;
          const needed = size + chunk.byteLength;
          if (needed > buffer.byteLength) {
            const larger = new Uint8Array(Math.max(needed, 2 * buffer.byteLength, FIRST_BYTES));
            larger.set(buffer.subarray(0, size));
            total += larger.byteLength - buffer.byteLength;
            buffer = larger;
            makeRoom();
            if (isGivenUp) return;
          }
          buffer.set(chunk, size);
          size = needed;
        },
        get bytes() {
          return buffer.subarray(0, size);
        },
        get isGivenUp() {
          return isGivenUp;
        },
        close: leave,
        get capacity() {
          return buffer.byteLength;
        },
        giveUp() {
          leave();
          isGivenUp = true;
          buffer = new Uint8Array(0);
          size = 0;
        },
      };
      own.add(body);
      return body;
    },
  };
}
