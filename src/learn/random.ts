/**
 * Random numbers from a key, not from a history: the same key always gives the same stream, and
 * `derive` makes independent keys from names and numbers (as in jax.random). A run that resumes at
 * step k asks for the key of step k and needs no saved generator.
 */

/** Two 32-bit words; plain data. */
export type Key = readonly [number, number];

/** The key of a seed (any safe integer). */
export const keyOf = (seed: number): Key =>
  mix(mix([0x9e3779b9, 0x243f6a88], seed | 0), Math.floor(seed / 2 ** 32) | 0);

/** An independent key for each path of names and numbers, such as `derive(key, "shuffle", epoch)`. */
export function derive(key: Key, ...path: readonly (string | number)[]): Key {
  let result = key;
  for (const part of path) {
    if (typeof part === "number") result = mix(result, part | 0);
    else for (let i = 0; i < part.length; i++) result = mix(result, part.charCodeAt(i) + 0x10000);
  }
  return result;
}

/** A stream of numbers in [0, 1) with 32 random bits each: sfc32 (Doty-Humphrey, PractRand). */
export function uniforms([first, second]: Key): () => number {
  let a = first;
  let b = second;
  let c = first ^ second ^ 0x6a09e667;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i++) next(); // sfc32 needs a few rounds to spread its seed
  return next;
}

/** `count` draws from a normal distribution with mean 0 (Box and Muller). */
export function normals(key: Key, count: number, deviation = 1): Float32Array {
  const uniform = uniforms(key);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - uniform())); // 1 - u is never 0
    const angle = 2 * Math.PI * uniform();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** The integers 0 .. length-1 in a random order (Fisher and Yates). */
export function permutation(key: Key, length: number): Int32Array {
  const uniform = uniforms(key);
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

/** Folds one word into a key: two rounds of the murmur3 finalizer, one for each half. */
function mix([a, b]: Key, word: number): Key {
  const first = scramble(a ^ word);
  return [first, scramble((b + 0x9e3779b9) ^ first ^ (word << 16))];
}

function scramble(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
