/** Joins objects into one, in order, holding no more of them than one part of a multipart write. */
import { joinBytes } from "../../core/bytes.ts";
import type { ObjectStore } from "../bucket/object-store.ts";

/** R2 wants parts of one length, of 5 MiB at least; 10,000 parts of these are 80 GiB. */
export const PART_BYTES = 8_388_608;

/**
 * Writes the bytes of `pieces`, one behind the other, at `key`; returns how many. An object that is
 * there already stays when the whole fits into one part: it came of the same pieces.
 */
export async function joinInto(
  store: ObjectStore,
  key: string,
  pieces: AsyncIterable<Uint8Array>,
  partBytes = PART_BYTES,
): Promise<number> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let total = 0;
  let writing: Awaited<ReturnType<ObjectStore["write"]>> | null = null;
  try {
    for await (const piece of pieces) {
      total += piece.length;
      held.push(piece);
      heldBytes += piece.length;
      while (heldBytes > partBytes) {
        const whole = joinBytes(held);
        writing ??= await store.write(key);
        await writing.append(whole.subarray(0, partBytes));
        held = [whole.slice(partBytes)];
        heldBytes -= partBytes;
      }
    }
    if (writing === null) {
      await store.create(key, joinBytes(held));
      return total;
    }
    await writing.append(joinBytes(held));
    await writing.complete();
    return total;
  } catch (error) {
    await writing?.abort().catch(() => undefined);
    throw error;
  }
}
