/**
 * Attention of one text: softmax(q k^T / sqrt(D)) v, over the prefix's columns and then the text's.
 *
 * Eight queries at a time, one a lane of two vectors: scores [columns, 8] and what softmax makes of
 * them need no sum across lanes, and keys and values are loaded to all lanes from where they lie. Each
 * product is a tile of 8 queries by 4 columns (or by 4 numbers of a head), whose sums stay in registers.
 *
 * With a local window, a tile's columns are the prefix and the tokens that any of its queries sees;
 * shares of what a single query does not see are exactly 0.
 */
import { exp2 } from "./exp2";
import { Lanes } from "./lanes";

const EVERY_TOKEN: i32 = 0x7fffffff;
/** A score that exp2 makes 0. */
const UNSEEN: f32 = -3e38;
const LOG2_E: f32 = 1.4426950408889634;

export function attention(
  queries: i32,
  T: i32,
  heads: i32,
  kvHeads: i32,
  D: i32,
  q: usize,
  qStride: usize,
  k: usize,
  v: usize,
  kvStride: usize,
  P: i32,
  pastKeys: usize,
  pastValues: usize,
  pastRows: i32,
  window: i32,
  out: usize,
  outStride: usize,
  work: usize,
): void {
  const headBytes = (<usize>D) << 2;
  const padded = <usize>((P + T + 3) & ~3);
  const keys = work; // [padded, D]
  const values = keys + padded * headBytes; // [D / 4, padded, 4]
  const scores = values + padded * headBytes; // [padded, 8], and a row of what divides them
  const turned = scores + (padded << 5) + 32; // [D, 8]
  const group = heads / kvHeads;
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    const past = <usize>(kvHead * pastRows) * headBytes;
    const own = <usize>kvHead * headBytes;
    gatherKeys(P, D, pastKeys + past, headBytes, keys);
    gatherKeys(T, D, k + own, kvStride, keys + <usize>P * headBytes);
    gatherValues(P, D, pastValues + past, headBytes, values, padded);
    gatherValues(T, D, v + own, kvStride, values + ((<usize>P) << 4), padded);
    for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
      const at = <usize>head * headBytes;
      for (let first = 0; first < queries; first += 8) {
        const rows = min(queries - first, 8);
        turnQueries(rows, D, q + at + <usize>first * qStride, qStride, turned);
        // Of the tokens, those from `skipped` to `end`.
        const skipped = window < first ? first - window : 0;
        const end = window < T - first - rows ? first + rows + window : T;
        const columns = P + end - skipped;
        const to = out + at + <usize>first * outStride;
        if (rows > 4) {
          score2(columns, P, skipped, D, keys, turned, scores);
          if (window != EVERY_TOKEN) hide(P, columns, skipped - first, window, scores);
          softmax2(columns, scores);
          mix2(columns, P, skipped, D, values, padded, scores, rows, to, outStride);
        } else {
          score1(columns, P, skipped, D, keys, turned, scores);
          if (window != EVERY_TOKEN) hide(P, columns, skipped - first, window, scores);
          softmax1(columns, scores);
          mix1(columns, P, skipped, D, values, padded, scores, rows, to, outStride);
        }
      }
    }
  }
}

function gatherKeys(count: i32, D: i32, from: usize, stride: usize, to: usize): void {
  const bytes = (<usize>D) << 2;
  for (let c = 0; c < count; c++) {
    for (let at: usize = 0; at < bytes; at += 32) {
      v128.store(to + at, v128.load(from + at));
      v128.store(to + at, v128.load(from + at, 16), 16);
    }
    from += stride;
    to += bytes;
  }
}

/** Into planes of 4 numbers a column. */
function gatherValues(
  count: i32,
  D: i32,
  from: usize,
  stride: usize,
  to: usize,
  padded: usize,
): void {
  const planes = padded << 4;
  for (let c = 0; c < count; c++) {
    let plane = to;
    for (let at: usize = 0; at < (<usize>D) << 2; at += 16) {
      v128.store(plane, v128.load(from + at));
      plane += planes;
    }
    from += stride;
    to += 16;
  }
}

/** Queries as [D, 8], times log2(e) / sqrt(D): scores are powers of 2. Behind the last, it again. */
function turnQueries(rows: i32, D: i32, q: usize, stride: usize, turned: usize): void {
  const factor = f32x4.splat(LOG2_E / sqrt<f32>(<f32>D));
  for (let r = 0; r < rows; r += 4) {
    for (const $i of [0, 1, 2, 3]) {
      const from$i = q + <usize>min(r + $i, rows - 1) * stride;
    }
    for (let d = 0; d < D; d += 4) {
      const at = (<usize>d) << 2;
      for (const $i of [0, 1, 2, 3]) {
        const x$i = f32x4.mul(v128.load(from$i + at), factor);
      }
      Turned.store(4, x0, x1, x2, x3, turned + ((<usize>d) << 5) + ((<usize>r) << 2), 32);
    }
  }
}

class Turned {
  /** Stores the first `rows` rows of the transpose of four vectors. */
  @inline static store(
    rows: i32,
    a: v128,
    b: v128,
    c: v128,
    d: v128,
    to: usize,
    stride: usize,
  ): void {
    const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
    v128.store(to, i64x2.shuffle(ab, cd, 0, 2));
    if (rows > 1) v128.store(to + stride, i64x2.shuffle(ab, cd, 1, 3));
    const ab2 = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const cd2 = i32x4.shuffle(c, d, 2, 6, 3, 7);
    if (rows > 2) v128.store(to + 2 * stride, i64x2.shuffle(ab2, cd2, 0, 2));
    if (rows > 3) v128.store(to + 3 * stride, i64x2.shuffle(ab2, cd2, 1, 3));
  }
}

class Column {
  /** Key of column c of a tile; behind the last, some key of the text. */
  @inline static key(c: i32, columns: i32, P: i32, skipped: i32, D: i32, keys: usize): usize {
    const seen = min(c, columns - 1);
    return keys + ((<usize>((seen < P ? seen : seen + skipped) * D)) << 2);
  }
}

// Each of the three steps for one vector of queries (up to 4) and for two (up to 8).
for (const $n of [1, 2]) {
  function score$n(
    columns: i32,
    P: i32,
    skipped: i32,
    D: i32,
    keys: usize,
    turned: usize,
    scores: usize,
  ): void {
    for (let c = 0; c < columns; c += 4) {
      for (const $c of [0, 1, 2, 3]) {
        let key$c = Column.key(c + $c, columns, P, skipped, D, keys);
        for (const $h of upTo($n)) {
          let sum$c_$h = f32x4.splat(0);
        }
      }
      let query = turned;
      for (const end = turned + ((<usize>D) << 5); query < end; query += 128) {
        for (const $u of [0, 1, 2, 3]) {
          for (const $h of upTo($n)) {
            const q$u_$h = v128.load(query, 32 * $u + 16 * $h);
          }
          for (const $c of [0, 1, 2, 3]) {
            const k$u_$c = v128.load32_splat(key$c, 4 * $u);
            for (const $h of upTo($n)) {
              sum$c_$h = Lanes.multiplyAdd(k$u_$c, q$u_$h, sum$c_$h);
            }
          }
        }
        for (const $c of [0, 1, 2, 3]) {
          key$c += 16;
        }
      }
      const to = scores + ((<usize>c) << 5);
      for (const $c of [0, 1, 2, 3]) {
        for (const $h of upTo($n)) {
          v128.store(to, sum$c_$h, 32 * $c + 16 * $h);
        }
      }
    }
  }

  /** Scores to shares, and behind them what each query's shares are to be multiplied by. */
  function softmax$n(columns: i32, scores: usize): void {
    const end = scores + ((<usize>columns) << 5);
    for (const $h of upTo($n)) {
      let top$h = f32x4.splat(UNSEEN);
      let sum$h = f32x4.splat(0);
    }
    for (let at = scores; at < end; at += 32) {
      for (const $h of upTo($n)) {
        top$h = f32x4.pmax(top$h, v128.load(at, 16 * $h));
      }
    }
    for (let at = scores; at < end; at += 32) {
      for (const $h of upTo($n)) {
        v128.store(at, f32x4.sub(v128.load(at, 16 * $h), top$h), 16 * $h);
      }
    }
    exp2(columns << 3, scores);
    for (let at = scores; at < end; at += 32) {
      for (const $h of upTo($n)) {
        sum$h = f32x4.add(sum$h, v128.load(at, 16 * $h));
      }
    }
    for (const $h of upTo($n)) {
      v128.store(end, f32x4.div(f32x4.splat(1), sum$h), 16 * $h);
    }
  }

  /** Values by their shares, to `rows` rows of `out`. */
  function mix$n(
    columns: i32,
    P: i32,
    skipped: i32,
    D: i32,
    values: usize,
    padded: usize,
    shares: usize,
    rows: i32,
    out: usize,
    stride: usize,
  ): void {
    const total = shares + ((<usize>columns) << 5);
    for (let d = 0; d < D; d += 4) {
      for (const $d of [0, 1, 2, 3]) {
        for (const $h of upTo($n)) {
          let sum$d_$h = f32x4.splat(0);
        }
      }
      let value = values + ((<usize>(d >> 2) * padded) << 4);
      let share = shares;
      let end = shares + ((<usize>P) << 5);
      for (let part = 0; part < 2; part++) {
        while (share < end) {
          for (const $h of upTo($n)) {
            const share$h = v128.load(share, 16 * $h);
          }
          for (const $d of [0, 1, 2, 3]) {
            const value$d = v128.load32_splat(value, 4 * $d);
            for (const $h of upTo($n)) {
              sum$d_$h = Lanes.multiplyAdd(value$d, share$h, sum$d_$h);
            }
          }
          share += 32;
          value += 16;
        }
        value += (<usize>skipped) << 4;
        end = total;
      }
      const to = out + ((<usize>d) << 2);
      for (const $h of upTo($n)) {
        const inverse$h = v128.load(total, 16 * $h);
        for (const $d of [0, 1, 2, 3]) {
          const y$d_$h = f32x4.mul(sum$d_$h, inverse$h);
        }
        Turned.store(rows - 4 * $h, y0_$h, y1_$h, y2_$h, y3_$h, to + 4 * $h * stride, stride);
      }
    }
  }
}

/** Hides tokens of a tile from the queries that are more than `window` away. */
function hide(P: i32, columns: i32, offset: i32, window: i32, scores: usize): void {
  for (let c = P; c < columns; c++) {
    const distance = c - P + offset; // from the tile's first query
    if (distance <= window && 7 - distance <= window) continue;
    for (let r = 0; r < 8; r++) {
      const isSeen = distance - r <= window && r - distance <= window;
      if (!isSeen) store<f32>(scores + ((<usize>c) << 5) + ((<usize>r) << 2), UNSEEN);
    }
  }
}
