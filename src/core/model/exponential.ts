/**
 * exp and tanh that give the same bits on every host. Math.exp and Math.tanh may differ in their last
 * bit between two releases of one JavaScript engine; sums, products and quotients may not.
 */

/** ln 2 as a sum: the first part has so few digits that its multiples by whole numbers are exact. */
const LN2_HIGH = 0.69314718036912381649;
const LN2_LOW = 1.90821492927058770002e-10;
/** Beyond these the result is Infinity, or nearer to 0 than to any other number. */
const MAX = 709.782712893384;
const MIN = -745.1332191019412;
/** 1 / n! for n from 13 down to 0: the rest of the series is below the last bit for |r| <= ln 2 / 2. */
const TERMS = Array.from({ length: 14 }, (_, i) => {
  let factorial = 1;
  for (let n = 2; n <= 13 - i; n++) factorial *= n;
  return 1 / factorial;
});

/** e to the power of x, off by about a unit of the last place at most. */
export function exp(x: number): number {
  if (!(x < MAX)) return x >= MAX ? Infinity : NaN;
  if (x < MIN) return 0;
  // x = k ln 2 + r
  const k = Math.round(x / Math.LN2);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 0;
  for (const term of TERMS) sum = sum * r + term;
  // In two steps, since 2 ** k alone may be too small or too large for a number.
  const half = k >> 1;
  return sum * powerOfTwo(half) * powerOfTwo(k - half);
}

/** The hyperbolic tangent, exact enough for float32. */
export function tanh(x: number): number {
  const size = Math.abs(x);
  if (size < 2e-4) return x * (1 - (x * x) / 3);
  const power = exp(-2 * size);
  const value = (1 - power) / (1 + power);
  return x < 0 ? -value : value;
}

const bits = new DataView(new ArrayBuffer(8));

/** 2 ** k, for k from -1022 to 1023. */
function powerOfTwo(k: number): number {
  bits.setUint32(0, (k + 1023) << 20);
  return bits.getFloat64(0);
}
