/**
 * The two matrix products of a linear head, in float64. Several classes or rows are taken at a time,
 * so that each feature is read from memory once for all of them: nearly all time of a fit is here.
 */

/** scores[n, c] = features[n] . weight[c] + bias[c]; `parameters` are weight [C, H], then bias [C]. */
export function scoresInto(
  scores: Float64Array, // [N, C]
  features: Float64Array, // [N, H]
  parameters: Float64Array,
  [H, C]: readonly [number, number],
): void {
  const rows = scores.length / C;
  const biases = C * H;
  for (let n = 0; n < rows; n++) {
    const start = n * H;
    let c = 0;
    for (; c + 4 <= C; c += 4) {
      const [w0, w1, w2, w3] = [c * H, (c + 1) * H, (c + 2) * H, (c + 3) * H];
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let h = 0; h < H; h++) {
        const x = features[start + h]!;
        s0 += x * parameters[w0 + h]!;
        s1 += x * parameters[w1 + h]!;
        s2 += x * parameters[w2 + h]!;
        s3 += x * parameters[w3 + h]!;
      }
      const at = n * C + c;
      scores[at] = s0 + parameters[biases + c]!;
      scores[at + 1] = s1 + parameters[biases + c + 1]!;
      scores[at + 2] = s2 + parameters[biases + c + 2]!;
      scores[at + 3] = s3 + parameters[biases + c + 3]!;
    }
    for (; c < C; c++) {
      let sum = parameters[biases + c]!;
      for (let h = 0; h < H; h++) sum += features[start + h]! * parameters[c * H + h]!;
      scores[n * C + c] = sum;
    }
  }
}

/** gradient = slopes^T . [features, 1]: the gradient of weight [C, H] and bias [C], by those of scores. */
export function gradientInto(
  gradient: Float64Array,
  slopes: Float64Array, // [N, C]
  features: Float64Array, // [N, H]
  [H, C]: readonly [number, number],
): void {
  const rows = slopes.length / C;
  const biases = C * H;
  gradient.fill(0);
  let n = 0;
  for (; n + 4 <= rows; n += 4) {
    const [x0, x1, x2, x3] = [n * H, (n + 1) * H, (n + 2) * H, (n + 3) * H];
    for (let c = 0; c < C; c++) {
      const s0 = slopes[n * C + c]!;
      const s1 = slopes[(n + 1) * C + c]!;
      const s2 = slopes[(n + 2) * C + c]!;
      const s3 = slopes[(n + 3) * C + c]!;
      const start = c * H;
      for (let h = 0; h < H; h++) {
        gradient[start + h]! +=
          s0 * features[x0 + h]! +
          s1 * features[x1 + h]! +
          s2 * features[x2 + h]! +
          s3 * features[x3 + h]!;
      }
      gradient[biases + c]! += s0 + s1 + s2 + s3;
    }
  }
  for (; n < rows; n++) {
    for (let c = 0; c < C; c++) {
      const slope = slopes[n * C + c]!;
      for (let h = 0; h < H; h++) gradient[c * H + h]! += slope * features[n * H + h]!;
      gradient[biases + c]! += slope;
    }
  }
}
