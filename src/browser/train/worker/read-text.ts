/** The text of a file that a person has chosen, read as the command line reads it: gzip, UTF-8 or UTF-16. */
import { FormatError } from "../../../core/errors.ts";
import { encodingOf, isGzip } from "../../../core/text-encoding.ts";
import type { GivenFile } from "../calls.ts";

/** Throws FormatError `data-invalid` for what is not text. */
export async function readText({ name, bytes }: GivenFile): Promise<string> {
  const plain = isGzip(bytes) ? await unpacked(name, bytes) : bytes;
  const encoding = encodingOf(plain, { subject: name, kind: "data" });
  return new TextDecoder(encoding.name, { ignoreBOM: true }).decode(
    plain.subarray(encoding.markBytes),
  );
}

async function unpacked(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  try {
    const plain = packed.pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch (cause) {
    throw new FormatError(
      "data-invalid",
      `${name}: is gzip, but cannot be unpacked; is it complete?`,
      { cause },
    );
  }
}
