/** What handlers share: the app's dependencies, and what a request carries from one step to the next. */
import type { Context, Handler } from "hono";
import type { ApiKey } from "../settings/api-keys.ts";
import type {
  Analytics,
  BulkService,
  Config,
  Env,
  PageFiles,
  RateLimit,
} from "../settings/config.ts";
import type { OpenBody } from "./open-bodies.ts";
import type { Arrival } from "../../serve/queue/arrivals.ts";
import type { Hold } from "../../serve/flight.ts";
import type { PublishedFiles } from "../../serve/published-files.ts";
import type { Clock } from "../../core/clock.ts";
import type { Serving } from "../../serve/serving.ts";

/** Of the clock: `now` stands still in a deployed Worker while nothing but computation happens; `wait(0)` lets the host do its I/O. */
export interface AppDeps extends Clock, Serving {
  readonly config: Config;
  /** Counts a caller's requests, where such a binding is configured. */
  readonly rateLimit?: RateLimit | undefined;
  /** Takes a data point a request, where such a binding is configured. */
  readonly analytics?: Analytics | undefined;
  /** What is given out below /files, where the host can pass files on. */
  readonly files?: PublishedFiles | undefined;
  /** The page that "/" shows to browsers, where such a binding is configured. */
  readonly page?: PageFiles | undefined;
  /** The Worker that answers batches, where such a binding is configured. */
  readonly bulk?: BulkService | undefined;
  requestId(): string;
  /** Takes one record a request; never any text of an input. */
  log(record: Record<string, unknown>): void;
}

export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    /** Whose request it is, where keys are on and the route needs one. */
    key: ApiKey | undefined;
    /** What the request's log line says besides method, path and status. */
    logged: Record<string, unknown>;
    /** The request among those that wait for answers. */
    arrival: Arrival | undefined;
    /** What has come of the request's body; on routes that read one. */
    body: OpenBody | undefined;
    /** Settles when a streamed answer has ended; the log line waits for it. */
    streamEnd: Promise<void> | undefined;
  };
}

export type AppContext = Context<AppEnv>;
export type AppHandler = Handler<AppEnv>;

/** Keeps this request's context alive for shared work. Outside of a Worker nothing needs holding. */
export function holdOf(c: AppContext): Hold {
  return (promise) => {
    try {
      c.executionCtx.waitUntil(promise);
    } catch {
      // Hono throws where the host gave no execution context; the promise runs on by itself there.
    }
  };
}

/** What decides whether a request is a canary's: the caller's own key, else the request itself. */
export const canaryKeyOf = (c: AppContext): string =>
  c.req.header("x-canary-key") ?? c.var.requestId;
