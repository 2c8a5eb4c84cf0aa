/** Which requests of a task go to its canary version. */
import type { TaskPointer } from "../core/format/pointer.ts";
import { encodeUtf8 } from "../core/text.ts";

type Canary = NonNullable<TaskPointer["canary"]>;

/**
 * Whether a request with this key is answered by the canary version. The same key always gets the
 * same answer, in every isolate. A larger share keeps the keys of a smaller one. Another version draws
 * other keys, so that new versions are not always tried on the same clients.
 */
export const isInCanary = (task: string, { version, percent }: Canary, key: string): boolean =>
  (hash(encodeUtf8(`${task}@${version} ${key}`)) / 2 ** 32) * 100 < percent;

/** FNV-1a with the finisher of MurmurHash3: 32 evenly spread bits, also of keys that differ in one digit. */
function hash(bytes: Uint8Array): number {
  let h = 0x811c9dc5;
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
