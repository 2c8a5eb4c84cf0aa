/**
 * Attention of one text: softmax(q k^T / sqrt(D)) v, over the prefix's columns and then the text's.
 *
 * Both products are of integers, as those of matrices are: every query, key and value of a head is
 * quantized with a scale of its own, and so are the shares that softmax gives, times their values'
 * scales. Shares of a query have as many levels as keep its sums below 2^31.
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
import { Turned, gather, gatherValues } from "./gather";
import { Lanes, ROUNDING_BITS } from "./lanes";

const EVERY_TOKEN: i32 = 0x7fffffff;
/** A score that exp2 makes 0. */
const UNSEEN: f32 = -3e38;
const LOG2_E: f32 = 1.4426950408889634;
/** Levels of the largest share. */
const SHARE_LEVELS: f32 = 32767;
/** 2^31 / LEVELS: what the levels of a query's shares may add up to. */
const MOST_LEVELS: i32 = 524416;

export function attention(
  queries: i32,
  T: i32,
  heads: i32,
  kvHeads: i32,
  headSize: i32,
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
  const D = (headSize + 7) & ~7;
  const factor = LOG2_E / sqrt<f32>(<f32>headSize);
  const headBytes = (<usize>D) << 2;
  const prefix = (P + 3) & ~3; // columns with padding
  const columns = <usize>(prefix + ((T + 3) & ~3));
  const half = columns * (headBytes >> 1);
  const keys = work; // int16 [columns / 4, D / 2, 4, 2]
  const values = keys + half; // int16 [D / 4, columns / 2, 4, 2]
  const keyScales = values + half; // [columns]
  const valueScales = keyScales + (columns << 2); // [columns]
  const scores = valueScales + (columns << 2); // [columns, 8], and a row of what is taken from them
  const turned = scores + (columns << 5) + 32; // int16 [D / 2, 8, 2]
  const queryScales = turned + (headBytes << 2); // [8]
  const room = MOST_LEVELS - <i32>columns;
  const group = heads / kvHeads;
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    const past = <usize>(kvHead * pastRows) * headBytes;
    const own = <usize>kvHead * headBytes;
    const tokens = <usize>prefix;
    gather(P, D, pastKeys + past, headBytes, keys, 16, keyScales);
    gather(
      T,
      D,
      k + own,
      kvStride,
      keys + tokens * (headBytes >> 1),
      16,
      keyScales + (tokens << 2),
    );
    gatherValues(P, D, pastValues + past, headBytes, values, columns, valueScales);
    const plane = values + (tokens << 3);
    gatherValues(T, D, v + own, kvStride, plane, columns, valueScales + (tokens << 2));
    for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
      const at = <usize>head * headBytes;
      for (let first = 0; first < queries; first += 8) {
        const rows = min(queries - first, 8);
        gather(rows, D, q + at + <usize>first * qStride, qStride, turned, 32, queryScales);
        // Tokens from `begin` to `end`, whole groups, and where they end in `scores`.
        const begin = window < first ? (first - window) & ~3 : 0;
        const end = window < T - first - rows ? first + rows + window : T;
        const count = prefix + ((end - begin + 3) & ~3);
        const to = out + at + <usize>first * outStride;
        if (rows > 4) {
          score2(count, prefix, begin, D, factor, keys, keyScales, turned, queryScales, scores);
          hide(P, T, window, first, begin, count, scores);
          softmax2(count, prefix, begin, valueScales, room, scores);
          mix2(count, prefix, begin, D, values, columns, scores, rows, to, outStride);
        } else {
          score1(count, prefix, begin, D, factor, keys, keyScales, turned, queryScales, scores);
          hide(P, T, window, first, begin, count, scores);
          softmax1(count, prefix, begin, valueScales, room, scores);
          mix1(count, prefix, begin, D, values, columns, scores, rows, to, outStride);
        }
      }
    }
  }
}

// Each of the three steps for one vector of queries (up to 4) and for two (up to 8).
for (const $n of [1, 2]) {
  /** Scores, times `scale`: powers of 2. */
  function score$n(
    count: i32,
    prefix: i32,
    begin: i32,
    D: i32,
    scale: f32,
    keys: usize,
    keyScales: usize,
    turned: usize,
    queryScales: usize,
    scores: usize,
  ): void {
    let key = keys;
    let keyScale = keyScales;
    const factor = f32x4.splat(scale);
    for (const $h of upTo($n)) {
      const queryScale$h = f32x4.mul(v128.load(queryScales, 16 * $h), factor);
    }
    for (let c = 0; c < count; c += 4) {
      if (c === prefix) {
        key += (<usize>(begin * D)) << 1;
        keyScale += (<usize>begin) << 2;
      }
      for (const $c of [0, 1, 2, 3]) {
        for (const $h of upTo($n)) {
          let sum$c_$h = i32x4.splat(0);
        }
      }
      let query = turned;
      for (const end = turned + ((<usize>D) << 4); query < end; query += 128) {
        for (const $u of [0, 1, 2, 3]) {
          for (const $h of upTo($n)) {
            const q$u_$h = v128.load(query, 32 * $u + 16 * $h);
          }
          for (const $c of [0, 1, 2, 3]) {
            const key$u_$c = v128.load32_splat(key, 16 * $u + 4 * $c);
            for (const $h of upTo($n)) {
              sum$c_$h = i32x4.add(sum$c_$h, i32x4.dot_i16x8_s(q$u_$h, key$u_$c));
            }
          }
        }
        key += 64;
      }
      const to = scores + ((<usize>c) << 5);
      for (const $c of [0, 1, 2, 3]) {
        const keyScale$c = v128.load32_splat(keyScale, 4 * $c);
        for (const $h of upTo($n)) {
          const score$c_$h = f32x4.mul(f32x4.convert_i32x4_s(sum$c_$h), keyScale$c);
          v128.store(to, f32x4.mul(score$c_$h, queryScale$h), 32 * $c + 16 * $h);
        }
      }
      keyScale += 16;
    }
  }

  /**
   * Scores to quantized shares times their values' scales, int16 [count / 2, 8, 2]; behind the scores
   * what each query's sums are to be multiplied by.
   */
  function softmax$n(
    count: i32,
    prefix: i32,
    begin: i32,
    valueScales: usize,
    room: i32,
    scores: usize,
  ): void {
    const end = scores + ((<usize>count) << 5);
    for (const $h of upTo($n)) {
      let top$h = f32x4.splat(UNSEEN);
      let sum$h = f32x4.splat(0);
      let most$h = f32x4.splat(0);
      let whole$h = f32x4.splat(0);
    }
    for (let at = scores; at < end; at += 32) {
      for (const $h of upTo($n)) {
        top$h = f32x4.pmax(top$h, v128.load(at, 16 * $h));
      }
    }
    for (const $h of upTo($n)) {
      v128.store(end, top$h, 16 * $h);
    }
    exp2(count << 3, scores, end);
    const tokens = scores + ((<usize>prefix) << 5);
    let valueScale = valueScales;
    for (let at = scores; at < end; at += 32) {
      if (at === tokens) valueScale += (<usize>begin) << 2;
      const scale = v128.load32_splat(valueScale);
      for (const $h of upTo($n)) {
        const share$h = v128.load(at, 16 * $h);
        sum$h = f32x4.add(sum$h, share$h);
        const part$h = f32x4.mul(share$h, scale);
        most$h = f32x4.pmax(most$h, part$h);
        whole$h = f32x4.add(whole$h, part$h);
        v128.store(at, part$h, 16 * $h);
      }
      valueScale += 4;
    }
    for (const $h of upTo($n)) {
      const factor$h = f32x4.pmin(
        f32x4.div(f32x4.splat(SHARE_LEVELS), most$h),
        f32x4.div(f32x4.splat(<f32>room), whole$h),
      );
      let levels$h = i32x4.splat(0);
    }
    const ones = i16x8.splat(1);
    const rounding = Lanes.rounding();
    const bits = i32x4.splat(ROUNDING_BITS);
    for (let at = scores, to = scores; at < end; at += 64, to += 32) {
      for (const $h of upTo($n)) {
        const first$h = f32x4.add(f32x4.mul(v128.load(at, 16 * $h), factor$h), rounding);
        const second$h = f32x4.add(f32x4.mul(v128.load(at, 16 * $h + 32), factor$h), rounding);
      }
      for (const $h of upTo($n)) {
        // The low half of ROUNDING_BITS is 0.
        const pair$h = v128.or(i32x4.sub(first$h, bits), i32x4.shl(second$h, 16));
        levels$h = i32x4.add(levels$h, i32x4.dot_i16x8_s(pair$h, ones));
        v128.store(to, pair$h, 16 * $h);
      }
    }
    // By what the levels add up to: many equal shares are all rounded the same way.
    for (const $h of upTo($n)) {
      const divisor$h = f32x4.mul(sum$h, f32x4.convert_i32x4_s(levels$h));
      v128.store(end, f32x4.div(whole$h, divisor$h), 16 * $h);
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
    const inverses = shares + ((<usize>count) << 5);
    const end = shares + ((<usize>count) << 4);
    const tokens = shares + ((<usize>prefix) << 4);
    for (let d = 0; d < D; d += 4) {
      for (const $d of [0, 1, 2, 3]) {
        for (const $h of upTo($n)) {
          let sum$d_$h = i32x4.splat(0);
        }
      }
      let value = values + ((<usize>(d >> 2) * columns) << 3);
      for (let share = shares; share < end; share += 64) {
        if (share === tokens) value += (<usize>begin) << 3;
        for (const $c of [0, 1]) {
          for (const $h of upTo($n)) {
            const share$c_$h = v128.load(share, 32 * $c + 16 * $h);
          }
          for (const $d of [0, 1, 2, 3]) {
            const value$c_$d = v128.load32_splat(value, 16 * $c + 4 * $d);
            for (const $h of upTo($n)) {
              sum$d_$h = i32x4.add(sum$d_$h, i32x4.dot_i16x8_s(share$c_$h, value$c_$d));
            }
          }
        }
        value += 32;
      }
      const to = out + ((<usize>d) << 2);
      for (const $h of upTo($n)) {
        const inverse$h = v128.load(inverses, 16 * $h);
        for (const $d of [0, 1, 2, 3]) {
          const y$d_$h = f32x4.mul(f32x4.convert_i32x4_s(sum$d_$h), inverse$h);
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
