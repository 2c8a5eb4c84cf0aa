/**
 * API keys as a Worker knows them: names, rights, and the SHA-256 of each key, never a key itself.
 * The digest needs no salt and no slow hash, because a key is 256 random bits and no password.
 */
import { isName } from "../../core/format/keys.ts";
import { readRecord } from "../../core/record.ts";
import { encodeUtf8, parseJson } from "../../core/text.ts";

/** What a key may do: ask for answers and read what is served, or read how the Worker fares. */
export const SCOPES = ["predict", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

export interface ApiKey {
  /** Who holds it: for logs and for taking it away again. */
  readonly name: string;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  readonly scopes: readonly Scope[];
  /** Tasks that it may name; null means all, and what belongs to no task. */
  readonly tasks: readonly string[] | null;
}

/** Enough for rotation and a key a customer; every request is compared with all of them. */
const MAX_KEYS = 1_000;
const MAX_TASKS = 1_000;
const FIELDS = ["name", "sha256", "scopes", "tasks"];

/**
 * Reads the secret: a JSON array of {"name", "sha256", "scopes"?, "tasks"?}, as text or parsed; a
 * key without scopes may predict. Throws FormatError `api-keys-invalid` or `json-invalid`, whose
 * message never repeats a digest, nor a key that was put in the place of one.
 */
export function readApiKeys(secret: unknown, subject = "API_KEYS"): ApiKey[] {
  const list = typeof secret === "string" ? parseJson(encodeUtf8(secret), subject) : secret;
  const all = readRecord({ keys: list }, subject, "api-keys-invalid");
  if (!Array.isArray(list) || list.length === 0) {
    return all.fail("is no list with a key in it; remove it to answer without keys");
  }
  const keys = all.list("keys", MAX_KEYS, readKey);
  const names = new Set(keys.map(({ name }) => name));
  if (names.size < keys.length) all.fail("two keys have the same name");
  return keys;
}

function readKey(value: unknown, subject: string): ApiKey {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const r = readRecord(isObject ? value : {}, subject, "api-keys-invalid");
  if (!isObject) r.fail("is no object");
  const unknown = r.fields().find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) {
    r.fail(`has an unknown field, allowed are ${FIELDS.join(", ")}`);
  }
  const digest = r.raw("sha256");
  if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) {
    return r.fail(`"sha256" is not 64 lower-case hex digits; \`edge-prefix key\` makes an entry`);
  }
  const name = r.string("name");
  if (!isName(name)) r.fail(`"name" has other characters than a-z 0-9 . _ -, or is too long`);
  const scopes = r.has("scopes")
    ? r.list("scopes", SCOPES.length, (item, at) =>
        readRecord({ scope: item }, at, "api-keys-invalid").oneOf("scope", SCOPES),
      )
    : (["predict"] as const);
  if (scopes.length === 0) r.fail(`"scopes" is empty, allowed are ${SCOPES.join(", ")}`);
  const tasks = r.has("tasks")
    ? r.list("tasks", MAX_TASKS, (item, at) =>
        typeof item === "string" && isName(item)
          ? item
          : readRecord({}, at, "api-keys-invalid").fail("is no name of a task"),
      )
    : null;
  return { name, sha256: digest, scopes, tasks };
}

/**
 * The key with this digest. Compares with every key and looks at every digit, so that the time it
 * takes tells nothing of how far a guess was right.
 */
export function findKey(keys: readonly ApiKey[], sha256: string): ApiKey | null {
  let found: ApiKey | null = null;
  for (const key of keys) if (equalsInConstantTime(key.sha256, sha256)) found = key;
  return found;
}

/** Whether two digests of 64 hex digits are equal. */
function equalsInConstantTime(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
