/** A map that holds at most so many bytes: what was not used for longest goes first. */

export interface Lru<T> {
  /** The value, which counts as used now. */
  get(key: string): T | undefined;
  /** Adds or replaces a value, then drops others until the rest fits; the one just set always stays. */
  set(key: string, value: T, bytes: number): void;
  delete(key: string): void;
  readonly bytes: number;
  readonly size: number;
}

export function createLru<T>(maxBytes: number): Lru<T> {
  /** In order of use, least recent first: a Map keeps the order in which keys were added. */
  const items = new Map<string, { readonly value: T; readonly bytes: number }>();
  let total = 0;

  const drop = (key: string): void => {
    total -= items.get(key)?.bytes ?? 0;
    items.delete(key);
  };
  return {
    get(key) {
      const item = items.get(key);
      if (!item) return undefined;
      items.delete(key);
      items.set(key, item);
      return item.value;
    },
    set(key, value, bytes) {
      drop(key);
      items.set(key, { value, bytes });
      total += bytes;
      for (const oldest of items.keys()) {
        if (total <= maxBytes || oldest === key) return;
        drop(oldest);
      }
    },
    delete: drop,
    get bytes() {
      return total;
    },
    get size() {
      return items.size;
    },
  };
}
