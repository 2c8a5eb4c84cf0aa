/**
 * model.sig of a task folder or base folder: made, and verified. Signed are the files that a Worker
 * reads: the manifest and all that it names. What else lies there, such as the card and the training
 * data, is listed as left out, so that model-signing verifies the folder as it is.
 */
import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { FormatError } from "../../src/core/errors.ts";
import { readBaseManifest, readTaskManifest } from "../../src/core/format/manifest.ts";
import {
  SIGNATURE_FILE,
  checkCovers,
  readBundle,
  verifyBundle,
  writeBundle,
} from "../../src/core/signing/bundle.ts";
import { STATEMENT_TYPE, preAuthEncoding } from "../../src/core/signing/dsse.ts";
import type { PublicKey } from "../../src/core/signing/keys.ts";
import { readStatement, writeStatement } from "../../src/core/signing/statement.ts";
import { parseJson } from "../../src/core/text.ts";
import { verifyEcdsa } from "../../src/serve/ecdsa.ts";
import { readFileOf, readIfThere, writeWhole } from "../node/files.ts";
import { sha256, sha256Hex } from "../node/hash.ts";
import type { Signer } from "../node/signer.ts";

const MANIFEST = "manifest.json";
/** What model-signing leaves out by itself. */
const ALWAYS_IGNORED = [".git", ".gitattributes", ".github", ".gitignore", SIGNATURE_FILE];

/** Hashes of the files that are signed, by path. Throws NotFoundError or FormatError. */
async function servedFiles(dir: string): Promise<Map<string, string>> {
  const bytes = await readFileOf(dir, MANIFEST, "task-folder-not-found");
  const path = join(dir, MANIFEST);
  const { kind } = parseJson(bytes, path) as { kind?: unknown };
  const names =
    kind === "base"
      ? Object.keys((await readBaseManifest(bytes, sha256, path)).files)
      : (readTaskManifest(bytes, path), ["prefix.safetensors"]);
  const files = new Map([[MANIFEST, sha256Hex(bytes)]]);
  for (const name of names) {
    files.set(name, sha256Hex(await readFileOf(dir, name, "task-folder-not-found")));
  }
  return files;
}

/** Writes model.sig into a task or base folder. Throws what reading the folder throws. */
export const signFolder = async (dir: string, signer: Signer): Promise<void> =>
  writeWhole(join(dir, SIGNATURE_FILE), await signatureOf(dir, signer));

/** A new model.sig of a folder. */
async function signatureOf(dir: string, signer: Signer): Promise<Uint8Array> {
  const files = await servedFiles(dir);
  const others = (await readdir(dir)).filter((name) => !files.has(name));
  const ignoredPaths = [...new Set([...ALWAYS_IGNORED, ...others])];
  const statement = { subject: basename(resolve(dir)), files, ignoredPaths };
  const payload = await writeStatement(statement, sha256);
  const signature = signer.sign(preAuthEncoding(STATEMENT_TYPE, payload));
  return writeBundle({ hint: signer.key.id, payload, signature });
}

/**
 * Signs a folder unless this key has signed it as it is: ECDSA gives another signature each time, and a
 * push of the same folder is to change nothing. A dry run writes nothing and gets the signature; null where
 * the folder's own is good.
 */
export async function ensureSigned(
  dir: string,
  signer: Signer,
  { isDryRun = false }: { readonly isDryRun?: boolean } = {},
): Promise<Uint8Array | null> {
  try {
    await verifyFolderSignature(dir, [signer.key]);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (isDryRun) return signatureOf(dir, signer);
    await signFolder(dir, signer);
  }
  return null;
}

/**
 * The model.sig that travels with a folder, null where it has none. With a signer it must be that key's:
 * throws what `verifyFolderSignature` throws. Any other cannot be checked here; a Worker checks it.
 */
export async function signatureToPush(dir: string, signer?: Signer): Promise<Uint8Array | null> {
  if (signer) await verifyFolderSignature(dir, [signer.key]);
  return readSignature(dir);
}

/**
 * The bytes of a folder's model.sig, null where it has none. Whose it is does not matter here, but it
 * must be of these files: throws FormatError `signature-invalid`, `signature-mismatch`.
 */
export async function readSignature(dir: string): Promise<Uint8Array | null> {
  const path = join(dir, SIGNATURE_FILE);
  const bytes = await readIfThere(path);
  if (bytes === null) return null;
  const { payload } = readBundle(bytes, path);
  checkCovers(readStatement(payload, path), await servedFiles(dir), path);
  return bytes;
}

/**
 * Verifies a folder's model.sig, and that it covers the files that are served. Returns the key. Throws
 * FormatError `signature-missing` and what verifyBundle and checkCovers throw.
 */
export async function verifyFolderSignature(
  dir: string,
  keys: readonly PublicKey[],
): Promise<PublicKey> {
  const path = join(dir, SIGNATURE_FILE);
  const bytes = await readIfThere(path);
  if (bytes === null) {
    throw new FormatError(
      "signature-missing",
      `${path}: does not exist; sign the folder: npx edge-prefix sign ${dir} --key KEY`,
    );
  }
  const { statement, key } = await verifyBundle(bytes, keys, verifyEcdsa, path);
  checkCovers(statement, await servedFiles(dir), path);
  return key;
}
