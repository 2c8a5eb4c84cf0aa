/** DSSE: what exactly is signed when a document of a type is signed. */
import { encodeUtf8 } from "../text.ts";

/** The type of a signed statement about files. */
export const STATEMENT_TYPE = "application/vnd.in-toto+json";
/** The type of a signed pointer or line of history. */
export const RECORD_TYPE = "application/vnd.edge-prefix.record+json";

/**
 * Pre-authentication encoding: `DSSEv1 <length of type> <type> <length of payload> <payload>`. The
 * type is part of it, so that no signature of one kind of document is one of another kind.
 */
export function preAuthEncoding(type: string, payload: Uint8Array): Uint8Array {
  const typeBytes = encodeUtf8(type).length;
  const head = encodeUtf8(`DSSEv1 ${typeBytes} ${type} ${payload.length} `);
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}
