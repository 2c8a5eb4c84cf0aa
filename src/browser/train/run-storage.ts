/**
 * The unfinished run of a page in IndexedDB: what was asked, with the file itself, and the state of the
 * run. A tab that is closed loses the steps since the last save, which are then made again. All tabs of
 * an origin share the storage, so one of them at a time trains.
 */
import { InputError } from "../../core/errors.ts";
import type { RunStore } from "../../learn/loop/saved-run.ts";
import type { TrainingRequest } from "./calls.ts";

export interface RunStorage {
  /** What the unfinished run was asked for; null where there is none. */
  request(): Promise<TrainingRequest | null>;
  keepRequest(request: TrainingRequest): Promise<void>;
  /** The state of the run. */
  readonly state: RunStore;
  drop(): Promise<void>;
  /**
   * Does what changes the run while no other tab does; a tab that is closed gives its turn back. Throws
   * InputError `folder-locked` where another tab trains.
   */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Whether no tab trains now. */
  isFree(): Promise<boolean>;
  /** Resolves when no tab trains. */
  whenFree(): Promise<void>;
}

const DATABASE = "edge-prefix-training";
const STORE = "runs";

/** The storage of the runs on the base that is served at `from`. */
export async function openRunStorage(from: string): Promise<RunStorage> {
  const database = await openDatabase();
  const keys = { request: `${from} request`, state: `${from} state` };
  const lock = `${DATABASE} ${from}`;
  const change = (work: (store: IDBObjectStore) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, "readwrite");
      transaction.addEventListener("complete", () => resolve());
      transaction.addEventListener("abort", () => reject(refused(transaction.error)));
      work(transaction.objectStore(STORE));
    });
  const read = <T>(key: string): Promise<T | null> =>
    result<T | undefined>(database.transaction(STORE).objectStore(STORE).get(key)).then(
      (found) => found ?? null,
    );
  return {
    request: () => read<TrainingRequest>(keys.request),
    keepRequest: (request) => change((store) => store.put(request, keys.request)),
    state: {
      name: "the storage of this browser",
      read: () => read<Uint8Array>(keys.state),
      write: (bytes) => change((store) => store.put(bytes, keys.state)),
    },
    drop: () =>
      change((store) => {
        store.delete(keys.request);
        store.delete(keys.state);
      }),
    exclusively: (work) =>
      navigator.locks.request(lock, { ifAvailable: true }, (held) => {
        if (held) return work();
        throw new InputError(
          "folder-locked",
          "training: another tab of this browser trains on this base; stop it there, or wait for its end",
        );
      }),
    async isFree() {
      const { held = [] } = await navigator.locks.query();
      return held.every(({ name }) => name !== lock);
    },
    async whenFree() {
      await navigator.locks.request(lock, { mode: "shared" }, () => undefined);
    },
  };
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE));
  return result(request);
}

const result = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(refused(request.error)));
  });

const refused = (cause: DOMException | null): Error =>
  cause ?? new Error("the storage of this browser: refused");
