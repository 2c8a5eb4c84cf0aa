/** A file that is checked while it is read: what its reader sees of right, short, long and wrong bytes. */
import { expect, it } from "vitest";
import { sha256Hex, startSha256 } from "../../../../scripts/node/hash.ts";
import { checkedStream } from "../../../../src/core/format/checked-stream.ts";
import { piecesOf } from "../../../support/memory-store.ts";

const file = Uint8Array.from({ length: 1_000 }, (_, i) => i % 256);
const ref = { sha256: sha256Hex(file), bytes: file.byteLength };

/** Reads all of a stream of `bytes`; says how many arrived, and the error that ended it. */
async function read(bytes: Uint8Array): Promise<{ arrived: number; error: unknown }> {
  let arrived = 0;
  try {
    for await (const piece of checkedStream("a file", piecesOf(bytes, 300), ref, startSha256)) {
      expect(piece).toEqual(bytes.subarray(arrived, arrived + 300));
      arrived += piece.byteLength;
    }
  } catch (error) {
    return { arrived, error };
  }
  return { arrived, error: null };
}

it("gives every piece of a file that is what its reference promises", async () => {
  expect(await read(file)).toEqual({ arrived: 1_000, error: null });
});

it.each([
  ["has a changed byte", file.with(5, 0), "SHA-256 is"],
  ["is short", file.subarray(0, 999), "is 999 bytes long, its manifest says 1000"],
  ["is empty", new Uint8Array(0), "is 0 bytes long"],
])("fails at the end of a file that %s", async (_, bytes, message) => {
  const { arrived, error } = await read(bytes);
  expect(arrived).toBe(bytes.byteLength);
  expect(error).toMatchObject({ code: "file-hash-mismatch" });
  expect(String(error)).toContain(message);
});

it("never gives more bytes than a reference promises", async () => {
  const { arrived, error } = await read(new Uint8Array(5_000));
  expect(arrived).toBe(900);
  expect(error).toMatchObject({ code: "file-hash-mismatch" });
});
