/** `key`: makes an API key, and the entry by which a Worker knows it. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { SCOPES, readApiKeys } from "../../src/http/api-keys.ts";
import type { ApiKey } from "../../src/http/api-keys.ts";
import { InputError } from "../../src/core/errors.ts";
import { UsageError, defineCommand, readChoice } from "../cli/command.ts";

/** Bytes of a key: too many to guess, so that a plain SHA-256 of it may be known. */
const KEY_BYTES = 32;
/** Tells people and scanners of leaked secrets what it is. */
const KEY_PREFIX = "ep_";

export const command = defineCommand({
  summary: "make an API key: shown once, and known to the Worker by its SHA-256 only",
  usage: "NAME [--scope predict|admin ..] [--task TASK ..] [--file keys.json]",
  example:
    "npx edge-prefix key shop --task sentiment --file keys.json\nnpx wrangler secret put API_KEYS < keys.json",
  options: {
    scope: { type: "string", multiple: true, hint: "what it may do: predict (default), admin" },
    task: { type: "string", multiple: true, hint: "only this task; without it, all" },
    file: { type: "string", value: "FILE", hint: "add the entry to this list of keys" },
  },
  async run({ values, positionals, io }) {
    const [name, ...rest] = positionals;
    if (name === undefined || rest.length > 0) throw new UsageError("expected one NAME");
    const key = KEY_PREFIX + randomBytes(KEY_BYTES).toString("base64url");
    const scopes = values.scope?.map((item) => readChoice(item, "--scope", SCOPES)!) ?? ["predict"];
    const entry = {
      name,
      sha256: createHash("sha256").update(key).digest("hex"),
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
