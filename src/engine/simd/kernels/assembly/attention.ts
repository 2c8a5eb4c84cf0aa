/**
 * Attention of one text: softmax(q k^T / sqrt(D)) v, over the prefix's columns and then the text's.
 *
 * Eight queries at a time, one a lane of two vectors: scores [columns, 8] and what softmax makes of
 * them need no sum across lanes. Each product is a tile of 8 queries by 4 columns (or by 4 numbers of a
 * head), whose sums stay in registers.
 *
 * Keys and values of a head are first put where tiles read them one after the other, prefix and text
 * each padded to whole groups of 4 columns. With a local window, a tile's columns are the prefix and
 * the groups in which any of its queries sees a token. The share of a column that a query does not
 * see is exactly 0, so that no query depends on the tile it is in.
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
  const prefix = (P + 3) & ~3; // columns with padding
  const columns = <usize>(prefix + ((T + 3) & ~3));
  const keys = work; // [columns / 4, D, 4]
  const values = keys + columns * headBytes; // [D / 4, columns, 4]
  const scores = values + columns * headBytes; // [columns, 8], and a row of what divides them
  const turned = scores + (columns << 5) + 32; // [D, 8]
  const group = heads / kvHeads;
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    const past = <usize>(kvHead * pastRows) * headBytes;
    const own = <usize>kvHead * headBytes;
    gatherKeys(P, D, pastKeys + past, headBytes, keys);
    gatherKeys(T, D, k + own, kvStride, keys + <usize>prefix * headBytes);
    gatherValues(P, D, pastValues + past, headBytes, values, columns);
    gatherValues(T, D, v + own, kvStride, values + ((<usize>prefix) << 4), columns);
    for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
      const at = <usize>head * headBytes;
      for (let first = 0; first < queries; first += 8) {
        const rows = min(queries - first, 8);
        turnQueries(rows, D, q + at + <usize>first * qStride, qStride, turned);
        // Tokens from `begin` to `end`, whole groups, and where they end in `scores`.
        const begin = window < first ? (first - window) & ~3 : 0;
        const end = window < T - first - rows ? first + rows + window : T;
        const count = prefix + ((end - begin + 3) & ~3);
        const to = out + at + <usize>first * outStride;
        if (rows > 4) {
          score2(count, prefix, begin, D, keys, turned, scores);
          hide(P, T, window, first, begin, count, scores);
          softmax2(count, scores);
          mix2(count, prefix, begin, D, values, columns, scores, rows, to, outStride);
        } else {
          score1(count, prefix, begin, D, keys, turned, scores);
          hide(P, T, window, first, begin, count, scores);
          softmax1(count, scores);
          mix1(count, prefix, begin, D, values, columns, scores, rows, to, outStride);
        }
      }
    }
  }
}

/** Rows to groups of columns [count / 4, D, 4]. The last row pads its group. */
function gatherKeys(count: i32, D: i32, from: usize, stride: usize, to: usize): void {
  for (let c = 0; c < count; c += 4) {
    for (const $i of [0, 1, 2, 3]) {
      let row$i = from + <usize>min(c + $i, count - 1) * stride;
    }
    for (const end = to + ((<usize>D) << 4); to < end; to += 64) {
      for (const $i of [0, 1, 2, 3]) {
        const key$i = v128.load(row$i);
        row$i += 16;
      }
      Turned.store(4, key0, key1, key2, key3, to, 16);
    }
  }
}

/** Rows to planes of 4 numbers a column. Zeros pad the last group. */
function gatherValues(
  count: i32,
  D: i32,
  from: usize,
  stride: usize,
  to: usize,
  columns: usize,
): void {
  for (let c = 0; c < ((count + 3) & ~3); c++) {
    let plane = to;
    for (let at: usize = 0; at < (<usize>D) << 2; at += 16) {
      v128.store(plane, c < count ? v128.load(from + at) : f32x4.splat(0));
      plane += columns << 4;
    }
    from += stride;
    to += 16;
  }
}

/** Queries as [D, 8], times log2(e) / sqrt(D): scores are powers of 2. The last fills what lanes are left. */
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

// Each of the three steps for one vector of queries (up to 4) and for two (up to 8).
for (const $n of [1, 2]) {
  function score$n(
    count: i32,
    prefix: i32,
    begin: i32,
    D: i32,
    keys: usize,
    turned: usize,
    scores: usize,
  ): void {
    let key = keys;
    for (let c = 0; c < count; c += 4) {
      if (c === prefix) key += (<usize>(begin * D)) << 2;
      for (const $c of [0, 1, 2, 3]) {
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
            const key$u_$c = v128.load32_splat(key, 16 * $u + 4 * $c);
            for (const $h of upTo($n)) {
              sum$c_$h = Lanes.multiplyAdd(key$u_$c, q$u_$h, sum$c_$h);
            }
          }
        }
        key += 64;
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
  function softmax$n(count: i32, scores: usize): void {
    const end = scores + ((<usize>count) << 5);
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
    exp2(count << 3, scores);
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
    count: i32,
    prefix: i32,
    begin: i32,
    D: i32,
    values: usize,
    columns: usize,
    shares: usize,
    rows: i32,
    out: usize,
    stride: usize,
  ): void {
    const end = shares + ((<usize>count) << 5);
    const tokens = shares + ((<usize>prefix) << 5);
    for (let d = 0; d < D; d += 4) {
      for (const $d of [0, 1, 2, 3]) {
        for (const $h of upTo($n)) {
          let sum$d_$h = f32x4.splat(0);
        }
      }
      let value = values + ((<usize>(d >> 2) * columns) << 4);
      for (let share = shares; share < end; share += 128) {
        if (share === tokens) value += (<usize>begin) << 4;
        for (const $c of [0, 1, 2, 3]) {
          for (const $h of upTo($n)) {
            const share$c_$h = v128.load(share, 32 * $c + 16 * $h);
          }
          for (const $d of [0, 1, 2, 3]) {
            const value$c_$d = v128.load32_splat(value, 16 * $c + 4 * $d);
            for (const $h of upTo($n)) {
              sum$d_$h = Lanes.multiplyAdd(value$c_$d, share$c_$h, sum$d_$h);
            }
          }
        }
        value += 64;
      }
      const to = out + ((<usize>d) << 2);
      for (const $h of upTo($n)) {
        const inverse$h = v128.load(end, 16 * $h);
        for (const $d of [0, 1, 2, 3]) {
          const y$d_$h = f32x4.mul(sum$d_$h, inverse$h);
        }
        Turned.store(rows - 4 * $h, y0_$h, y1_$h, y2_$h, y3_$h, to + 4 * $h * stride, stride);
      }
    }
  }
}

/** Hides padding, and tokens from those of a tile's queries that are more than `window` away. */
function hide(
  P: i32,
  T: i32,
  window: i32,
  first: i32,
  begin: i32,
  count: i32,
  scores: usize,
): void {
  const unseen = f32x4.splat(UNSEEN);
  const prefix = (P + 3) & ~3;
  for (let c = P; c < prefix; c++) {
    v128.store(scores + ((<usize>c) << 5), unseen);
    v128.store(scores + ((<usize>c) << 5), unseen, 16);
  }
  let token = window === EVERY_TOKEN ? T : begin;
  for (let c = prefix + token - begin; c < count; c++, token++) {
    const distance = token - first; // from the tile's first query
    if (token < T && distance <= window && 7 - distance <= window) continue;
    for (let r = 0; r < 8; r++) {
      const isSeen = token < T && distance - r <= window && r - distance <= window;
      if (!isSeen) store<f32>(scores + ((<usize>c) << 5) + ((<usize>r) << 2), UNSEEN);
    }
  }
}
