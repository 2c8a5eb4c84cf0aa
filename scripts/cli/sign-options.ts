/** The options of verbs that write pointers and may sign them. */
import type { Sealing } from "../publish/sealing.ts";
import { readPublicKeyFile, readSigner } from "../node/signer.ts";
import { UsageError, readNumber } from "./command.ts";
import type { Options } from "./command.ts";

export const SIGN_OPTIONS = {
  sign: {
    type: "string",
    value: "KEY",
    hint: "sign what is written with this private key, made by key --signing",
  },
  "expires-in": {
    type: "string",
    value: "DAYS",
    hint: "with --sign: Workers believe the pointer for so long (default: for ever)",
  },
  "public-key": {
    type: "string",
    value: "FILE",
    hint: "with --sign: go on from pointers that these public keys have signed, too, such as the key before",
  },
} as const satisfies Options;

const DAY_MS = 86_400_000;

/**
 * The key to sign with; undefined where none is named. Throws InputError `signing-key-invalid`,
 * FormatError `public-key-invalid`.
 */
export async function sealingOf(values: {
  readonly sign?: string | undefined;
  readonly "expires-in"?: string | undefined;
  readonly "public-key"?: string | undefined;
}): Promise<Sealing | undefined> {
  const days = readNumber(values["expires-in"], "--expires-in", { min: 0.01, max: 36_500 });
  const file = values["public-key"];
  if (values.sign === undefined) {
    if (days !== undefined) throw new UsageError("--expires-in needs --sign KEY");
    if (file !== undefined) throw new UsageError("--public-key needs --sign KEY");
    return undefined;
  }
  const goodForMs = days === undefined ? null : days * DAY_MS;
  const trusted = file === undefined ? [] : await readPublicKeyFile(file);
  return { signer: await readSigner(values.sign), goodForMs, trusted };
}
