/**
 * Tasks by name: which version answers, and how old that knowledge is.
 *
 * A pointer is used without a look at the bucket for `freshMs`. After that the next request has it
 * read again in the background, and the new version opened, while answers go on from memory; so no
 * request waits for a push. Once a pointer is older than `maxLagMs`, a request waits for that look: no
 * answer rests on an older pointer, unless the bucket is slow or fails. Then answers go on from
 * memory, marked stale, up to `maxStaleMs`.
 *
 * Requests share plain data: a look writes its outcome into `entries`, and waiting requests poll it,
 * since a promise of another request may never wake them (src/README.md).
 */
import { isInCanary } from "./canary.ts";
import { EdgePrefixError, FormatError, NotFoundError, UnavailableError } from "../core/errors.ts";
import { TASK_PREFIX, isName, taskKey } from "../core/format/keys.ts";
import { checkTaskMatchesBase } from "../core/format/manifest.ts";
import type { BaseManifest, TaskManifest } from "../core/format/manifest.ts";
import { MAX_POINTER_BYTES, readTaskPointer } from "../core/format/pointer.ts";
import type { TaskPointer } from "../core/format/pointer.ts";
import type { Task } from "../core/format/task.ts";
import type { Hold } from "./flight.ts";
import type { Clock } from "../core/clock.ts";
import { createLru } from "./lru.ts";
import { asTaskFailure, createTaskVersions } from "./task-versions.ts";
import type { TaskVersionsOptions } from "./task-versions.ts";

export interface OpenedTask {
  readonly task: Task;
  /** True when the bucket's current version cannot be used or is not known, so that an older one answers. */
  readonly isStale: boolean;
  /** Code of what keeps the current version from answering, where it is stale and that is known. */
  readonly staleCode?: string | undefined;
}

/** What is to be said of a task without opening it. */
export interface DescribedTask {
  readonly manifest: TaskManifest;
  readonly version: string;
  readonly canary: TaskPointer["canary"];
  readonly isStale: boolean;
  readonly staleCode?: string | undefined;
}

export interface GetOptions {
  /** Holds looks at the bucket that go on after the answer. */
  readonly hold: Hold;
  /** This version, whatever is current. */
  readonly version?: string | undefined;
  /** The same key always gets the same version of a task that has a canary. */
  readonly canaryKey?: string | undefined;
}

export interface TaskStore {
  /**
   * The version of a task that is to answer. Throws NotFoundError `task-not-found`,
   * `version-not-found`; MismatchError `prefix-base-mismatch`; UnavailableError `task-corrupt`,
   * `bucket-unavailable` when no good version is in memory.
   */
  get(name: string, base: BaseManifest, options: GetOptions): Promise<OpenedTask>;
  /**
   * Has the files of a version at hand for a `get` that follows, so that they are read while the base
   * still loads. Never throws: that `get` says what is wrong.
   */
  readAhead(name: string, version?: string): Promise<void>;
  /** The same without its prefix: for lists. Throws what `get` throws. */
  describe(name: string, base: BaseManifest, options: GetOptions): Promise<DescribedTask>;
  /** Names of tasks in the bucket, in order: all, or at most `limit` after a given name. */
  list(page?: { readonly after?: string | undefined; readonly limit?: number }): Promise<string[]>;
  /** Opened versions in memory, and their bytes. */
  readonly cached: { readonly versions: number; readonly bytes: number };
}

export interface TaskStoreOptions extends TaskVersionsOptions {
  readonly clock: Clock;
  /** For how long a pointer, or a version's failure, is used without a look at the bucket. */
  readonly freshMs: number;
  /** From which age of a pointer on a request waits for that look. */
  readonly maxLagMs: number;
  /** For how long answers go on from memory while the bucket cannot be asked. */
  readonly maxStaleMs: number;
}

/** What is known of a task besides its opened versions. */
interface Entry {
  readonly pointer: TaskPointer;
  readonly etag: string;
  /** The last look at the bucket on behalf of this entry. */
  look: Look | null;
  /** When the look began that confirmed the pointer last. */
  confirmedAt: number;
  /** What the last look failed with: then the bucket may have something else by now. */
  trouble: EdgePrefixError | null;
  /** The last version that opened as current. */
  good: string | null;
  /** Versions that did not open. */
  readonly failures: Map<string, { readonly error: unknown; readonly at: number }>;
}

interface Look {
  readonly startedAt: number;
  isDone: boolean;
}

/** Pointers of a thousand tasks with dozens of versions each. */
const MAX_POINTERS_BYTES = 4_000_000;
/** A request that has to wait for a look waits this long: then the bucket is slow, and memory answers. */
const PATIENCE_MS = 1_000;
const POLL_MS = 2;
/** In case the clock stands still. */
const MAX_POLLS = PATIENCE_MS / POLL_MS;
/** A look that has not ended by now was lost with its request: another one may begin. */
const LOST_MS = 5_000;

export function createTaskStore(options: TaskStoreOptions): TaskStore {
  const { bucket, clock, freshMs, maxLagMs, maxStaleMs, trust } = options;
  const entries = createLru<Entry>(MAX_POINTERS_BYTES);
  const versions = createTaskVersions(options);

  return {
    get cached() {
      return versions.cached;
    },

    async list({ after, limit } = {}) {
      const askedAt = clock.now();
      const listed = await bucket.list(TASK_PREFIX, {
        after: after === undefined ? undefined : taskKey(after),
        limit,
      });
      return listed.flatMap(({ key, etag }) => {
        const name = key.slice(TASK_PREFIX.length).replace(/\.json$/, "");
        if (!isName(name)) return [];
        confirm(entries.get(name), etag, askedAt);
        return [name];
      });
    },

    async get(name, base, { version, canaryKey, hold }) {
      const { entry, isStale } = await currentEntry(name, base, hold);
      const { current, canary, revoked } = entry.pointer;
      const staleCode = codeOf(entry.trouble);
      const stale = { isStale, staleCode };
      const older = (error: unknown) => ({ isStale: true, staleCode: codeOf(error) ?? staleCode });
      if (version !== undefined) return { task: await open(entry, version, base), ...stale };
      if (canary && isInCanary(name, canary, canaryKey ?? "")) {
        const task = await open(entry, canary.version, base).catch(unlessForeseen);
        if (task) return { task, ...stale };
      }
      const held = versions.held(name, current);
      if (held) {
        entry.good = current;
        return { task: held, ...stale };
      }
      // While a good version is in memory, looks try again, not requests.
      const isUsable = entry.good !== null && revoked?.includes(entry.good) !== true;
      const good = isUsable ? versions.held(name, entry.good!) : undefined;
      const failure = entry.failures.get(current);
      if (good && failure) return { task: good, ...older(failure.error) };
      try {
        return { task: await open(entry, current, base), ...stale };
      } catch (error) {
        if (good) return { task: good, ...older(error) };
        throw error;
      }
    },

    async readAhead(name, version) {
      if (!isName(name)) return;
      try {
        const entry = entries.get(name) ?? (await readPointer(name, undefined));
        if (entry === "unchanged") return;
        await versions.fetch(entry.pointer, version ?? entry.pointer.current);
      } catch (error) {
        unlessForeseen(error);
      }
    },

    async describe(name, base, { version, hold }) {
      const { entry, isStale } = await currentEntry(name, base, hold);
      const { current, canary } = entry.pointer;
      const wanted = version ?? current;
      const failure = entry.failures.get(wanted);
      if (failure) throw failure.error;
      const manifest = await versions.manifest(entry.pointer, wanted);
      checkTaskMatchesBase(manifest, base);
      return { manifest, version: wanted, canary, isStale, staleCode: codeOf(entry.trouble) };
    },
  };

  /** What is known of a task, as sure as the ages allow. */
  async function currentEntry(
    name: string,
    base: BaseManifest,
    hold: Hold,
  ): Promise<{ entry: Entry; isStale: boolean }> {
    if (!isName(name)) throw notFound(name);
    const known = entries.get(name);
    if (!known) {
      const entry = await readPointer(name, undefined).catch((error: unknown) => {
        // Another request has read a newer pointer meanwhile, beside which this one's was old.
        const newer = entries.get(name);
        if (newer) return newer;
        throw error;
      });
      if (entry === "unchanged") throw notFound(name);
      return { entry, isStale: false };
    }
    const now = clock.now();
    const age = now - known.confirmedAt;
    if (age < freshMs) return { entry: known, isStale: known.trouble !== null };
    const isDue = age > maxStaleMs || !known.look || now - known.look.startedAt >= freshMs;
    const own = isDue && !isLooking(known) ? beginLook(name, known, base, hold) : null;
    const isAnswered = age < maxLagMs || (await waitForLook(known, own));

    const entry = entries.get(name) ?? known;
    const { trouble } = entry;
    if (trouble instanceof NotFoundError) throw trouble;
    const isOutage = trouble?.code === "bucket-unavailable" || !isAnswered;
    if (isOutage && clock.now() - entry.confirmedAt > maxStaleMs) throw trouble ?? tooSlow(name);
    return { entry, isStale: trouble !== null || !isAnswered };
  }

  /** A list tells of many pointers at once whether they are what they were. */
  function confirm(known: Entry | undefined, etag: string | null, askedAt: number): void {
    if (known?.etag !== etag || known.confirmedAt > askedAt) return;
    // A list says nothing of signatures, whose time may be over.
    if (trust) return;
    known.confirmedAt = askedAt;
    known.trouble = null;
  }

  function isLooking({ look }: Entry): boolean {
    return look !== null && !look.isDone && clock.now() - look.startedAt < LOST_MS;
  }

  /** Has the bucket looked at; the request that asked may end before the answer is there. */
  function beginLook(name: string, known: Entry, base: BaseManifest, hold: Hold): Promise<void> {
    const look = { startedAt: clock.now(), isDone: false };
    known.look = look;
    const promise = lookAgain(name, known, base).finally(() => (look.isDone = true));
    hold(promise);
    return promise;
  }

  /** Whether the look under way, this request's or another's, has ended in time. */
  async function waitForLook({ look }: Entry, own: Promise<void> | null): Promise<boolean> {
    if (!look) return true;
    if (own) await Promise.race([own, clock.wait(PATIENCE_MS)]);
    // No request waits longer for a look than the request that began it.
    const isPatient = (): boolean => clock.now() - look.startedAt < PATIENCE_MS;
    for (let polls = 0; !look.isDone && isPatient() && polls < MAX_POLLS; polls++) {
      await clock.wait(POLL_MS);
    }
    return look.isDone;
  }

  /** Reads the pointer again and opens what it names; never throws. */
  async function lookAgain(name: string, known: Entry, base: BaseManifest): Promise<void> {
    const askedAt = clock.now();
    try {
      const found = await readPointer(name, known);
      const entry = found === "unchanged" ? known : found;
      for (const version of versionsInUse(entry.pointer)) {
        if (!versions.held(name, version)) await open(entry, version, base).catch(unlessForeseen);
      }
      // A look that began later knows better.
      const latest = entries.get(name);
      if (latest && latest !== known && latest.confirmedAt > askedAt) return;
      entry.confirmedAt = askedAt;
      entry.trouble = null;
      if (entry !== known) entries.set(name, entry, sizeOf(entry.pointer));
    } catch (error) {
      known.trouble = error instanceof EdgePrefixError ? error : tooSlow(name, error);
      if (error instanceof NotFoundError) entries.delete(name);
    }
  }

  async function readPointer(name: string, known: Entry | undefined): Promise<Entry | "unchanged"> {
    const askedAt = clock.now();
    const key = taskKey(name);
    const object = await asTaskFailure(name, () => bucket.get(key, MAX_POINTER_BYTES, known?.etag));
    if (object === null) throw notFound(name);
    if (object === "unchanged") {
      trust?.again(key);
      return object;
    }
    await trust?.pointer(key, object.bytes);
    const subject = `pointer of task "${name}"`;
    const pointer = await asTaskFailure(name, () => {
      const read = readTaskPointer(object.bytes, subject);
      if (read.task === name) return read;
      throw new FormatError("pointer-invalid", `${subject}: is the pointer of "${read.task}"`);
    });
    const entry: Entry = {
      pointer,
      etag: object.etag,
      look: null,
      confirmedAt: askedAt,
      trouble: null,
      good: known?.good ?? null,
      failures: new Map(),
    };
    if (!known) entries.set(name, entry, sizeOf(pointer));
    return entry;
  }

  /** A version from memory or from the bucket; a failure is remembered for as long as a pointer. */
  async function open(entry: Entry, version: string, base: BaseManifest): Promise<Task> {
    const failure = entry.failures.get(version);
    if (failure && clock.now() - failure.at < freshMs) throw failure.error;
    try {
      const task = await versions.open(entry.pointer, version, base);
      entry.failures.delete(version);
      if (version === entry.pointer.current) entry.good = version;
      return task;
    } catch (error) {
      const isListed = entry.pointer.versions.some((item) => item.version === version);
      if (isListed) entry.failures.set(version, { error, at: clock.now() });
      throw error;
    }
  }
}

/** What requests may be answered by that pin nothing. */
const versionsInUse = ({ current, canary }: TaskPointer): string[] =>
  canary ? [current, canary.version] : [current];

/** A version that cannot be used is remembered where it was opened; a bug is thrown on. */
function unlessForeseen(error: unknown): undefined {
  if (error instanceof EdgePrefixError) return undefined;
  throw error;
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof EdgePrefixError ? error.code : undefined;

/** Bytes of a pointer in memory, roughly: a version is its hash twice and a date. */
const sizeOf = ({ versions }: TaskPointer): number => 200 + 150 * versions.length;

const notFound = (name: string): NotFoundError =>
  new NotFoundError(
    "task-not-found",
    `task ${JSON.stringify(name.slice(0, 80))}: does not exist; GET /v1/tasks lists what is served`,
  );

const tooSlow = (name: string, cause?: unknown): UnavailableError =>
  new UnavailableError(
    "bucket-unavailable",
    `task "${name}": the bucket has not answered for too long; try again later`,
    { cause },
  );
