/**
 * What a deployment may set: bindings and variables of wrangler.toml, read and checked once. Every
 * limit has a default, so a Worker with a bucket and nothing else is a complete one.
 */
import type { R2Binding } from "../../serve/bucket/r2.ts";
import { readApiKeys } from "./api-keys.ts";
import type { ApiKey } from "./api-keys.ts";
import { FormatError, InputError } from "../../core/errors.ts";
import { checkName } from "../../core/format/keys.ts";
import type { TrustSettings } from "../../serve/trust.ts";
import { readTrust } from "./trust-settings.ts";

/** The platform's counter of requests, as far as it is used. */
export interface RateLimit {
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

/** The platform's time series, as far as they are used. */
export interface Analytics {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/** The Worker that answers batches, as far as it is used. */
export interface BulkService {
  fetch(request: Request): Promise<Response>;
}

/** The static files of the page, as far as they are used. */
export interface PageFiles {
  fetch(request: Request): Promise<Response>;
}

/** Bindings and variables as the Workers runtime passes them. */
export interface Env {
  readonly BUCKET: R2Binding;
  /** Name of the one base that is served. */
  readonly BASE: string;
  readonly RATE_LIMIT?: RateLimit;
  readonly ANALYTICS?: Analytics;
  readonly PAGE?: PageFiles;
  /** The Worker that answers batches (docs/batches.md). */
  readonly BULK?: BulkService;
}

/** One variable: its default, its bounds, and what it bounds. */
interface Setting {
  readonly variable: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly meaning: string;
}

/** Every number that can be set; the README's table is made of this. */
export const SETTINGS = {
  maxBodyBytes: {
    variable: "MAX_BODY_BYTES",
    default: 2_000_000,
    min: 1_000,
    max: 50_000_000,
    meaning: "bytes of a request body",
  },
  bodyTimeoutMs: {
    variable: "BODY_TIMEOUT_MS",
    // A full body over a line of 2 Mbit/s; a usual one is there at once.
    default: 10_000,
    min: 1,
    max: 300_000,
    meaning: "milliseconds in which a request body must have arrived",
  },
  maxOpenBodies: {
    variable: "MAX_OPEN_BODIES",
    // A burst of one caller is taken in; what stays open costs memory until its time is over.
    default: 1_000,
    min: 1,
    max: 100_000,
    meaning: "bodies that one caller may be sending at once, or the oldest is given up",
  },
  maxHeaderBytes: {
    variable: "MAX_HEADER_BYTES",
    default: 16_384,
    min: 1_000,
    max: 131_072,
    meaning: "bytes of a request's URL and headers",
  },
  maxJsonDepth: {
    variable: "MAX_JSON_DEPTH",
    // A request nests four levels deep; beyond this it is an attack or a mistake.
    default: 16,
    min: 5,
    max: 64,
    meaning: "levels that the JSON of a request may nest",
  },
  maxInputs: {
    variable: "MAX_INPUTS",
    default: 256,
    min: 1,
    max: 100_000,
    meaning: "inputs of one request",
  },
  maxTasks: {
    variable: "MAX_TASKS",
    // A request's tasks stay in memory until it is answered, whatever the cache lets go of.
    default: 32,
    min: 1,
    max: 10_000,
    meaning: "tasks that one request may name",
  },
  maxCharacters: {
    variable: "MAX_CHARACTERS",
    default: 200_000,
    min: 1,
    max: 10_000_000,
    meaning: "UTF-16 units of one text",
  },
  maxWindows: {
    variable: "MAX_WINDOWS",
    default: 512,
    min: 1,
    max: 100_000,
    meaning: "windows that one text may be read in",
  },
  maxBatchTokens: {
    variable: "MAX_BATCH_TOKENS",
    // Measured in workerd: eight rows of 128 tokens in one run take as long as in eight, so larger
    // batches gain nothing, while a run blocks the isolate's only thread and holds its answers back.
    default: 128,
    min: 16,
    max: 65_536,
    meaning: "tokens of one run, padding included",
  },
  maxQueuedTokens: {
    variable: "MAX_QUEUED_TOKENS",
    default: 65_536,
    min: 16,
    max: 10_000_000,
    meaning: "tokens that may wait before requests are refused",
  },
  microsPerToken: {
    variable: "MICROS_PER_TOKEN",
    // The bundled base of three layers costs about 220 on one core of a server, MiniLM-L6 430.
    default: 300,
    min: 1,
    max: 100_000,
    meaning: "microseconds that a token costs, until that is measured",
  },
  requestCpuMs: {
    variable: "REQUEST_CPU_MS",
    // Below the deadline: what cannot be done in time even alone is not begun.
    default: 25_000,
    min: 1,
    max: 300_000,
    meaning: "milliseconds of computing that one request may need, as forecast",
  },
  maxHeapBytes: {
    variable: "MAX_HEAP_BYTES",
    // An isolate has 128 MB; the rest is for JavaScript's own objects.
    default: 110_000_000,
    min: 1_000_000,
    max: 4_000_000_000,
    meaning: "bytes of runtime heap and cached tasks, beyond which nothing that needs more begins",
  },
  deadlineMs: {
    variable: "DEADLINE_MS",
    default: 30_000,
    min: 1,
    max: 300_000,
    meaning: "milliseconds until an unfinished request is given up",
  },
  taskCacheBytes: {
    variable: "TASK_CACHE_BYTES",
    default: 24_000_000,
    min: 0,
    max: 100_000_000,
    meaning: "bytes of prefixes and heads kept in memory",
  },
  taskFreshMs: {
    variable: "TASK_FRESH_MS",
    // Four small reads a second for a task that is always in use; a push is live within a second.
    default: 250,
    min: 0,
    max: 3_600_000,
    meaning: "milliseconds after which a task's version is asked for again, in the background",
  },
  taskMaxLagMs: {
    variable: "TASK_MAX_LAG_MS",
    default: 750,
    min: 0,
    max: 3_600_000,
    meaning: "milliseconds after which a request waits for that instead of using the old version",
  },
  taskMaxStaleMs: {
    variable: "TASK_MAX_STALE_MS",
    default: 600_000,
    min: 0,
    max: 86_400_000,
    meaning: "milliseconds for which answers go on from memory while the bucket fails",
  },
  rateLimitPeriodS: {
    variable: "RATE_LIMIT_PERIOD_S",
    default: 60,
    min: 10,
    max: 60,
    meaning: "seconds of the rate limit's period, as the binding RATE_LIMIT has it (10 or 60)",
  },
  metricsMaxTasks: {
    variable: "METRICS_MAX_TASKS",
    default: 100,
    min: 0,
    max: 10_000,
    meaning: "tasks that /metrics counts by name; more share one",
  },
} as const satisfies Record<string, Setting>;

type Values = Readonly<Record<keyof typeof SETTINGS, number>>;

/** What a request may be, before any of it is read for its meaning. */
export type Limits = Pick<
  Values,
  | "maxBodyBytes"
  | "bodyTimeoutMs"
  | "maxOpenBodies"
  | "maxHeaderBytes"
  | "maxJsonDepth"
  | "maxInputs"
  | "maxTasks"
  | "maxCharacters"
>;

/** The settings of a Worker, grouped by who needs them. */
export interface Config extends Limits {
  /** Name of the one base that is served. */
  readonly base: string;
  /** Who may ask; null where the secret API_KEYS is not set: everybody. */
  readonly keys: readonly ApiKey[] | null;
  /** Origins whose pages may ask, or "*". */
  readonly corsOrigins: readonly string[];
  /** Whether files of the bucket are given out below /files. */
  readonly servesFiles: boolean;
  /** Whose signatures are believed; null where nothing needs one. */
  readonly trust: TrustSettings | null;
  readonly rateLimitPeriodS: number;
  readonly metricsMaxTasks: number;
  readonly predictor: Pick<Values, "deadlineMs" | "maxWindows">;
  readonly scheduler: Pick<Values, "maxBatchTokens" | "maxQueuedTokens">;
  readonly admission: Pick<Values, "microsPerToken" | "requestCpuMs" | "maxHeapBytes">;
  readonly tasks: {
    readonly cacheBytes: number;
    readonly freshMs: number;
    readonly maxLagMs: number;
    readonly maxStaleMs: number;
  };
}

/** Reads the variables; throws InputError `config-invalid` that lists everything that is wrong. */
export function readConfig(bindings: object): Config {
  const env = bindings as Readonly<Record<string, unknown>>;
  const wrong: string[] = [];
  const values = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, setting]) => [name, readCount(env, setting, wrong)]),
  ) as Values;
  const base = env["BASE"];
  try {
    checkName("base", typeof base === "string" ? base : "");
  } catch {
    wrong.push(`BASE is ${JSON.stringify(base)}, expected the name of a base in the bucket`);
  }
  const keys = readKeys(env["API_KEYS"], wrong);
  const corsOrigins = readOrigins(env["CORS_ORIGINS"], wrong);
  const servesFiles = readSwitch(env, "SERVE_FILES", wrong);
  const trust = readTrust(env, wrong);
  if (wrong.length > 0 || typeof base !== "string") {
    throw new InputError("config-invalid", `wrangler.toml [vars]: ${wrong.join("; ")}`);
  }
  const {
    maxBodyBytes,
    bodyTimeoutMs,
    maxOpenBodies,
    maxHeaderBytes,
    maxJsonDepth,
    maxInputs,
    maxTasks,
    maxCharacters,
  } = values;
  const { deadlineMs, maxWindows, maxBatchTokens, maxQueuedTokens } = values;
  const { microsPerToken, requestCpuMs, maxHeapBytes } = values;
  return {
    base,
    keys,
    corsOrigins,
    servesFiles,
    trust,
    rateLimitPeriodS: values.rateLimitPeriodS,
    metricsMaxTasks: values.metricsMaxTasks,
    maxBodyBytes,
    bodyTimeoutMs,
    maxOpenBodies,
    maxHeaderBytes,
    maxJsonDepth,
    maxInputs,
    maxTasks,
    maxCharacters,
    predictor: { deadlineMs, maxWindows },
    scheduler: { maxBatchTokens, maxQueuedTokens },
    admission: { microsPerToken, requestCpuMs, maxHeapBytes },
    tasks: {
      cacheBytes: values.taskCacheBytes,
      freshMs: values.taskFreshMs,
      maxLagMs: values.taskMaxLagMs,
      maxStaleMs: values.taskMaxStaleMs,
    },
  };
}

// A variable is a string from the dashboard or the command line, a number from the file.
function readCount(
  env: Readonly<Record<string, unknown>>,
  { variable, default: fallback, min, max }: Setting,
  wrong: string[],
): number {
  const found = env[variable];
  if (found === undefined || found === "") return fallback;
  const value = typeof found === "string" ? Number(found.replaceAll("_", "")) : found;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) {
    return value;
  }
  wrong.push(`${variable} is ${JSON.stringify(found)}, expected an integer from ${min} to ${max}`);
  return fallback;
}

/** "on", which is the default, or "off". */
function readSwitch(
  env: Readonly<Record<string, unknown>>,
  variable: string,
  wrong: string[],
): boolean {
  const found = env[variable] ?? "";
  if (found === "" || found === "on") return true;
  if (found !== "off")
    wrong.push(`${variable} is ${JSON.stringify(found)}, expected "on" or "off"`);
  return false;
}

/** The secret with the keys' digests. Its problems are told without what it says. */
function readKeys(secret: unknown, wrong: string[]): ApiKey[] | null {
  if (secret === undefined || secret === "") return null;
  try {
    return readApiKeys(secret);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    wrong.push(error.message);
    return null;
  }
}

/** "*", or origins with commas or spaces between them. */
function readOrigins(found: unknown, wrong: string[]): string[] {
  if (found === undefined || found === "") return [];
  const origins = typeof found === "string" ? found.split(/[\s,]+/).filter(Boolean) : [];
  const isRight = origins.every((item) => item === "*" || /^https?:\/\/[\w.:[\]-]+$/.test(item));
  if (origins.length > 0 && isRight) return origins;
  wrong.push(
    `CORS_ORIGINS is ${JSON.stringify(found)}, expected "*" or origins such as https://example.org`,
  );
  return [];
}
