/** Base64 in signatures and what is signed. */
import { fromBase64 } from "../base64.ts";
import { FormatError } from "../errors.ts";

/** Its bytes; throws FormatError `signature-invalid`. */
export const fromSignedBase64 = (text: string, subject: string): Uint8Array =>
  fromBase64(text, (why) => {
    throw new FormatError("signature-invalid", `${subject}: is not base64 (${why})`);
  });
