/**
 * `key`: makes an API key, and the entry by which a Worker knows it; or a key pair for signatures.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readPublicKeys } from "../../src/core/signing/keys.ts";
import type { Curve } from "../../src/core/signing/keys.ts";
import { sha256, sha256Hex } from "../node/hash.ts";
import { makeKeyPair } from "../node/signer.ts";
import { SCOPES, readApiKeys } from "../../src/http/settings/api-keys.ts";
import type { ApiKey } from "../../src/http/settings/api-keys.ts";
import { InputError } from "../../src/core/errors.ts";
import { UsageError, defineCommand, readChoice } from "../cli/command.ts";
import type { Io } from "../cli/command.ts";

/** Bytes of a key: too many to guess, so that a plain SHA-256 of it may be known. */
const KEY_BYTES = 32;
/** Tells people and scanners of leaked secrets what it is. */
const KEY_PREFIX = "ep_";

export const command = defineCommand({
  summary: "make an API key: shown once, and known to the Worker by its SHA-256 only",
  usage: "NAME [--scope predict|admin ..] [--task TASK ..] [--file keys.json] | NAME --signing",
  example:
    "npx edge-prefix key shop --task sentiment --file keys.json\nnpx wrangler secret put API_KEYS < keys.json",
  options: {
    scope: { type: "string", multiple: true, hint: "what it may do: predict (default), admin" },
    task: { type: "string", multiple: true, hint: "only this task; without it, all" },
    file: { type: "string", value: "FILE", hint: "add the entry to this list of keys" },
    signing: {
      type: "boolean",
      hint: "instead: a key pair for signatures, NAME.key.pem (secret) and NAME.pub.pem",
    },
    curve: { type: "string", value: "P-256|P-384", hint: "of --signing (default P-256)" },
  },
  async run({ values, positionals, io }) {
    const [name, ...rest] = positionals;
    if (name === undefined || rest.length > 0) throw new UsageError("expected one NAME");
    if (values.signing === true) {
      const curve = readChoice(values.curve, "--curve", ["P-256", "P-384", "P-521"] as const);
      return writeKeyPair(name, curve ?? "P-256", io);
    }
    const key = KEY_PREFIX + randomBytes(KEY_BYTES).toString("base64url");
    const scopes = values.scope?.map((item) => readChoice(item, "--scope", SCOPES)!) ?? ["predict"];
    const entry = {
      name,
      sha256: sha256Hex(key),
      scopes,
      ...(values.task ? { tasks: values.task } : {}),
    };
    checkEntry(entry);
    if (values.file !== undefined) addTo(values.file, entry);
    if (io.json) {
      io.out(JSON.stringify({ key, entry }));
      return 0;
    }
    io.out(key);
    io.err("this is the only time that the key is shown; send it as `Authorization: Bearer <key>`");
    if (values.file === undefined) io.err(`entry for the list API_KEYS: ${JSON.stringify(entry)}`);
    else io.err(`added to ${values.file}: npx wrangler secret put API_KEYS < ${values.file}`);
    return 0;
  },
});

/** Writes a key pair into the folder of the command; what is there is never replaced. */
async function writeKeyPair(name: string, curve: Curve, io: Io): Promise<number> {
  const { privateKey, publicKey } = makeKeyPair(curve);
  const [secretFile, publicFile] = [`${name}.key.pem`, `${name}.pub.pem`];
  for (const file of [secretFile, publicFile]) {
    if (!existsSync(file)) continue;
    throw new InputError("key-exists", `${file}: exists already and stays; choose another name`);
  }
  // `wx`: another process may have been faster since. Only the owner may read the secret half.
  writeFileSync(secretFile, privateKey, { flag: "wx", mode: 0o600 });
  writeFileSync(publicFile, publicKey, { flag: "wx", mode: 0o644 });
  const [key] = await readPublicKeys(publicKey, sha256, publicFile);
  const { id } = key!;
  const setting = publicKey.replace(/-----[^-]+-----|\s/g, "");
  if (io.json) {
    io.out(JSON.stringify({ private: secretFile, public: publicFile, id, trusted_key: setting }));
    return 0;
  }
  io.out(`${secretFile}: secret, keep it off the bucket and out of version control`);
  io.out(`${publicFile}: key ${id.slice(0, 12)}, to verify with`);
  io.out(`wrangler.toml [vars]: TRUSTED_KEYS = "${setting}"`);
  return 0;
}

/** What the Worker would refuse is refused here. */
function checkEntry(entry: unknown): void {
  try {
    readApiKeys([entry], "key");
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Adds an entry to a file that holds nothing secret; throws InputError `key-exists`. */
function addTo(path: string, entry: Omit<ApiKey, "tasks">): void {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const keys = text.trim() === "" ? [] : readApiKeys(text, path);
  if (keys.some(({ name }) => name === entry.name)) {
    throw new InputError(
      "key-exists",
      `${path}: has a key "${entry.name}" already; choose another name, and delete the old entry when it is out of use`,
    );
  }
  const others = keys.map(({ tasks, ...key }) => ({ ...key, ...(tasks ? { tasks } : {}) }));
  writeFileSync(path, `${JSON.stringify([...others, entry], null, 2)}\n`);
}
