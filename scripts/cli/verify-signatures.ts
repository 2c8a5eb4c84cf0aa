/** `verify --public-key`: signatures alone, of a folder, or of a task or base in the bucket. */
import { EdgePrefixError } from "../../src/core/errors.ts";
import { readPublicKeyFile } from "../node/signer.ts";
import type { PublishBucket } from "../publish/bucket.ts";
import { verifyFolderSignature } from "../publish/sign-folder.ts";
import { fetchTaskPointer, findVersion } from "../publish/task-pointer.ts";
import { verifyBase, verifyPointer, verifyVersion } from "../publish/verify-signatures.ts";
import type { Io } from "./command.ts";

/** Checks one signature and prints the verdict. */
async function tell(io: Io, name: string, check: () => Promise<string>): Promise<boolean> {
  try {
    const key = await check();
    const line = `${name}: signed by key ${key.slice(0, 12)}`;
    io.out(io.json ? JSON.stringify({ name, ok: true, key }) : line);
    return true;
  } catch (error) {
    if (!(error instanceof EdgePrefixError)) throw error;
    const { code, message } = error;
    const line = `${name}: error [${code}]: ${message}`;
    io.out(io.json ? JSON.stringify({ name, ok: false, code, message }) : line);
    return false;
  }
}

/** Exit code: 0 when the folder is signed by one of the keys in the file. */
export async function verifySignedFolder(folder: string, file: string, io: Io): Promise<number> {
  const keys = await readPublicKeyFile(file);
  const check = async (): Promise<string> => (await verifyFolderSignature(folder, keys)).id;
  return (await tell(io, folder, check)) ? 0 : 1;
}

/** Exit code: 0 when the base's pointer, and all its files, are signed by keys in the file. */
export async function verifySignedBase(
  bucket: PublishBucket,
  name: string,
  { file, io }: { readonly file: string; readonly io: Io },
): Promise<number> {
  const keys = await readPublicKeyFile(file);
  const check = async (): Promise<string> => (await verifyBase(bucket, name, keys)).base;
  return (await tell(io, `base ${name}`, check)) ? 0 : 1;
}

/** Exit code: 0 when the pointer and the versions, or the wanted one, are signed by one of the keys. */
export async function verifySignedTask(
  bucket: PublishBucket,
  task: string,
  wanted: string | undefined,
  { file, io }: { readonly file: string; readonly io: Io },
): Promise<number> {
  const keys = await readPublicKeyFile(file);
  const pointer = await fetchTaskPointer(bucket, task);
  const versions = wanted === undefined ? pointer.versions : [findVersion(pointer, wanted)];
  const verdicts = [
    await tell(io, `${task} pointer`, async () => (await verifyPointer(bucket, task, keys)).key),
  ];
  for (const entry of versions) {
    const check = async (): Promise<string> => (await verifyVersion(bucket, task, entry, keys)).id;
    verdicts.push(await tell(io, `${task} ${entry.version}`, check));
  }
  return verdicts.every(Boolean) ? 0 : 1;
}
