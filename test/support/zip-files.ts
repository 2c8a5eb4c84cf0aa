/** The files of a zip without compression, read by its directory as any program reads it. */

const END = 0x06054b50;
const CENTRAL = 0x02014b50;

/** Files by their paths, with the checksums that the zip says they have. */
export function readZip(
  zip: Uint8Array,
): Map<string, { readonly bytes: Uint8Array; readonly crc: number }> {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const end = zip.byteLength - 22;
  if (view.getUint32(end, true) !== END) throw new Error("zip: has no directory at its end");
  const files = new Map<string, { bytes: Uint8Array; crc: number }>();
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < view.getUint16(end + 10, true); i++) {
    if (view.getUint32(at, true) !== CENTRAL) throw new Error(`zip: no file at ${at}`);
    const [length, nameLength] = [view.getUint32(at + 24, true), view.getUint16(at + 28, true)];
    const local = view.getUint32(at + 42, true);
    const name = new TextDecoder().decode(zip.subarray(at + 46, at + 46 + nameLength));
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const crc = view.getUint32(at + 16, true);
    files.set(name, { bytes: zip.subarray(start, start + length), crc });
    at += 46 + nameLength;
  }
  return files;
}
