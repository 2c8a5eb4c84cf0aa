/**
 * One base by two engines: by the first for as long as that can compute, then by the other. A GPU may
 * refuse a base, or be taken away in the middle of a run.
 */
import type { BaseSource, Encoder, Engine } from "./engine.ts";

export interface Fallback {
  readonly first: Engine;
  readonly other: Engine;
  /** Whether an error of the first engine means that it cannot go on, and not that the rows are wrong. */
  isEnd(error: unknown): boolean;
  /** Told once, with the error that ended the use of the first engine. */
  onEnd(error: unknown): void;
}

/**
 * The engine made of both. The base is read again for the other engine, which then loads it and runs
 * the very batch that had failed.
 */
export function withFallback({ first, other, isEnd, onEnd }: Fallback): Engine {
  const end = (error: unknown): void => {
    if (!isEnd(error)) throw error;
    onEnd(error);
  };
  return {
    async prepare(base) {
      let load: () => Promise<Encoder>;
      try {
        load = await first.prepare(base);
      } catch (error) {
        end(error);
        return other.prepare(base);
      }
      return async () => {
        try {
          return goingOn(await load(), () => loadBy(other, base), end);
        } catch (error) {
          end(error);
          return await loadBy(other, base);
        }
      };
    },
  };
}

const loadBy = async (engine: Engine, base: BaseSource): Promise<Encoder> =>
  (await engine.prepare(base))();

/** An encoder that is replaced by the one of `next` when `end` accepts the error of a run. */
function goingOn(
  first: Encoder,
  next: () => Promise<Encoder>,
  end: (error: unknown) => void,
): Encoder {
  let current = first;
  let hasEnded = false;
  let loading: Promise<Encoder> | null = null;

  async function replacement(): Promise<Encoder> {
    loading ??= next();
    try {
      return (current = await loading);
    } catch (error) {
      // A later run tries to load it again.
      loading = null;
      throw error;
    }
  }

  return {
    get loadedFrom() {
      return current.loadedFrom;
    },
    memoryBytes: () => current.memoryBytes(),
    async release() {
      if (current !== first || !hasEnded) await current.release();
    },
    async encode(rows, queries) {
      if (!hasEnded) {
        try {
          return await first.encode(rows, queries);
        } catch (error) {
          end(error);
          hasEnded = true;
          // What an encoder that failed says when it is released is of no interest.
          await first.release().catch(() => undefined);
        }
      }
      return (await replacement()).encode(rows, queries);
    },
  };
}
