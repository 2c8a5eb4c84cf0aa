/** SHA-256 as Workers have it: of bytes in memory by Web Crypto, of a stream by its digest streams. */
import type { RunningSha256 } from "../core/format/checked-stream.ts";
import { toHex } from "../core/hex.ts";

/** Hash of bytes as 64 lower-case hex digits. */
export const sha256 = async (bytes: Uint8Array): Promise<string> =>
  // Never of shared memory, which browsers refuse.
  toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)));

/** A stream that hashes what is written to it, which Workers have and others do not. */
interface DigestStream {
  readonly digest: Promise<ArrayBuffer>;
  getWriter(): { write(bytes: Uint8Array): Promise<void>; close(): Promise<void> };
}

/** Begins the hash of bytes that arrive one after the other. */
export function startSha256(): RunningSha256 {
  const host = crypto as unknown as { readonly DigestStream: new (name: string) => DigestStream };
  const stream = new host.DigestStream("SHA-256");
  const writer = stream.getWriter();
  return {
    write: (bytes) => writer.write(bytes),
    async digest() {
      await writer.close();
      return toHex(new Uint8Array(await stream.digest));
    },
  };
}
