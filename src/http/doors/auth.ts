/**
 * Who asks, and whether they may. Keys come as `Authorization: Bearer <key>`, which is what Hugging
 * Face's clients send; without API_KEYS everybody may everything, and the log says so.
 *
 *   open to all          /  /livez  /readyz  /openapi.json  /docs      (they name no task)
 *   scope "predict"      /v1/*  /files/*                               (only the key's own tasks)
 *   scope "admin"        /metrics
 */
import type { MiddlewareHandler } from "hono";
import { findKey } from "../settings/api-keys.ts";
import type { Scope } from "../settings/api-keys.ts";
import { InputError } from "../../core/errors.ts";
import { encodeUtf8 } from "../../core/text.ts";
import { sha256 } from "../../serve/sha256.ts";
import type { AppContext, AppDeps, AppEnv } from "../context/context.ts";

/** `edge-prefix key` makes keys of 46 characters; longer ones are refused. */
const MAX_KEY_LENGTH = 256;

/** Finds out which key asks, and refuses a key without the scope. Throws InputError `key-missing`, `key-unknown`, `not-allowed`. */
export function requireScope({ config }: AppDeps, scope: Scope): MiddlewareHandler<AppEnv> {
  const { keys } = config;
  return async function checkScope(c, next) {
    if (keys !== null) {
      const presented = bearerOf(c);
      const key = findKey(keys, await sha256(encodeUtf8(presented)));
      if (key === null) {
        throw new InputError(
          "key-unknown",
          "authorization: the key is not one of this Worker's; was it rotated?",
        );
      }
      c.set("key", key);
      c.var.logged["key"] = key.name;
      if (!key.scopes.includes(scope)) {
        throw new InputError(
          "not-allowed",
          `key "${key.name}": may ${key.scopes.join(", ")}, this route needs "${scope}"`,
        );
      }
    }
    await next();
  };
}

/** For routes that name a task in their path. Throws InputError `not-allowed`. */
export const requireTask: MiddlewareHandler<AppEnv> = async (c, next) => {
  checkTask(c, c.req.param("task") ?? "");
  await next();
};

/** Whether the caller may name a task. The answer does not tell whether there is such a task. */
const mayUse = (c: AppContext, task: string): boolean => {
  const tasks = c.var.key?.tasks ?? null;
  return tasks === null || tasks.includes(task);
};

/** Throws InputError `not-allowed` when the caller may not name this task. */
export function checkTask(c: AppContext, task: string): void {
  if (mayUse(c, task)) return;
  throw new InputError(
    "not-allowed",
    `key "${c.var.key?.name}": may use ${c.var.key?.tasks?.join(", ")}, not ${JSON.stringify(task.slice(0, 80))}`,
  );
}

/** For routes that belong to no task: a key that is bound to tasks has no business there. */
export const requireAllTasks: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.var.key && c.var.key.tasks !== null) {
    throw new InputError(
      "not-allowed",
      `key "${c.var.key.name}": is bound to tasks, and this route belongs to none`,
    );
  }
  await next();
};

/** Says once an isolate that anybody may ask. */
export function warnOfOpenDoor({ config, log }: AppDeps): void {
  if (config.keys !== null) return;
  log({
    level: "warn",
    event: "api-keys-off",
    detail:
      "API_KEYS is not set: every client that reaches this Worker may use it; see docs/deploy.md",
  });
}

function bearerOf(c: AppContext): string {
  const header = c.req.header("authorization");
  const [, key] = /^bearer +(\S+) *$/i.exec(header ?? "") ?? [];
  if (key !== undefined && key.length <= MAX_KEY_LENGTH) return key;
  throw new InputError(
    "key-missing",
    `authorization: is ${header === undefined ? "missing" : "no bearer key"}, expected "Bearer <key>"`,
  );
}
