/** The best approximation of a matrix by one of small rank: its rows on their main directions. */
import { float32 } from "../../src/core/model/tensor.ts";
import type { TensorOf } from "../../src/core/model/tensor.ts";

/** Enough for eigenvalues that no longer change in their sixth digit. */
const SWEEPS = 8;

/** [rows, n] projected on the `rank` leading eigenvectors of A'A: the truncated SVD (Eckart and Young). */
export function lowRank({ dims, data }: TensorOf<"float32">, rank: number): TensorOf<"float32"> {
  const [rows, n] = [dims[0]!, dims[1]!];
  const basis = leadingDirections(gram(data, rows, n), n, rank);
  const result = new Float32Array(rows * n);
  for (let r = 0; r < rows; r++) {
    const row = data.subarray(r * n, (r + 1) * n);
    for (const direction of basis) {
      const along = row.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      for (let i = 0; i < n; i++) result[r * n + i]! += along * direction[i]!;
    }
  }
  return float32(dims, result);
}

/** A'A, [n, n]. */
function gram(data: Float32Array, rows: number, n: number): Float64Array {
  const product = new Float64Array(n * n);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < n; i++) {
      const x = data[r * n + i]!;
      for (let j = 0; j < n; j++) product[i * n + j]! += x * data[r * n + j]!;
    }
  }
  return product;
}

/** Eigenvectors of the largest eigenvalues of a symmetric matrix (cyclic Jacobi rotations). */
function leadingDirections(a: Float64Array, n: number, count: number): Float64Array[] {
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, vectors, n, p, q);
  }
  return Array.from({ length: n }, (_, i) => i)
    .sort((i, j) => a[j * n + j]! - a[i * n + i]!)
    .slice(0, count)
    .map((column) => Float64Array.from({ length: n }, (_, i) => vectors[i * n + column]!));
}

/** The rotation in the plane (p, q) that makes a[p][q] zero. */
function rotate(a: Float64Array, vectors: Float64Array, n: number, p: number, q: number): void {
  const off = a[p * n + q]!;
  if (Math.abs(off) < 1e-12) return;
  const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * off);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  const turn = (m: Float64Array, i: number, j: number): void => {
    const [x, y] = [m[i]!, m[j]!];
    m[i] = c * x - s * y;
    m[j] = s * x + c * y;
  };
  for (let k = 0; k < n; k++) turn(a, k * n + p, k * n + q);
  for (let k = 0; k < n; k++) turn(a, p * n + k, q * n + k);
  for (let k = 0; k < n; k++) turn(vectors, k * n + p, k * n + q);
}
