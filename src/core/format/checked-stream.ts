/**
 * A file that is read piece by piece and hashed on the way, for readers that must not hold all of it.
 * Its last piece is followed by the check, so a reader that has seen the end has seen the right bytes.
 */
import { FormatError } from "../errors.ts";
import type { FileRef } from "./manifest.ts";

/** A SHA-256 that is given its bytes one after the other. */
export interface RunningSha256 {
  /** The bytes may be changed once the promise has settled. */
  write(bytes: Uint8Array): Promise<void> | void;
  /** Ends the hash: 64 lower-case hex digits. */
  digest(): Promise<string>;
}

/** Begins a hash; passed in, since core has no crypto of its own. */
export type StartSha256 = () => RunningSha256;

/**
 * The pieces of a file as they arrive. Throws FormatError `file-hash-mismatch`, before a piece that is
 * too much and after the last one, unless all bytes are what `ref` promises; and whatever `pieces`
 * throws.
 */
export async function* checkedStream(
  subject: string,
  pieces: AsyncIterable<Uint8Array>,
  ref: FileRef,
  startSha256: StartSha256,
): AsyncGenerator<Uint8Array, void, undefined> {
  const mismatch = (what: string): FormatError =>
    new FormatError("file-hash-mismatch", `${subject}: ${what}`);
  const hash = startSha256();
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.byteLength;
    if (bytes > ref.bytes) {
      throw mismatch(`has more than the ${ref.bytes} bytes that its manifest says`);
    }
    await hash.write(piece);
    yield piece;
  }
  if (bytes !== ref.bytes) {
    throw mismatch(`is ${bytes} bytes long, its manifest says ${ref.bytes}`);
  }
  const found = await hash.digest();
  if (found !== ref.sha256) {
    throw mismatch(
      `SHA-256 is ${found.slice(0, 12)}.., its manifest says ${ref.sha256.slice(0, 12)}..`,
    );
  }
}
