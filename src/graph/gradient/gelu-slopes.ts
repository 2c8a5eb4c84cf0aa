/** The slopes of both forms of GELU, derived in GRADIENTS.md. */
import type { Graph, Value } from "../graph.ts";
import { Add, Erf, Exp, Mul, Sub, Tanh } from "../ops.ts";

/** gelu(x) = x F(x):  gelu'(x) = F(x) + x f(x)  with F, f of the standard normal distribution. */
export function geluSlope(g: Graph, x: Value): Value {
  // The widest activations of the model: every pass over them counts. With u = x / sqrt(2),
  // f = exp(-u*u - log(2 pi)/2), its factor inside the exponent; F = (1 + erf(u)) / 2, which is
  // what HardSigmoid makes of erf in one pass, since erf never leaves [-1, 1].
  const u = Mul(g, x, g.scalar(Math.SQRT1_2));
  const density = Exp(g, Sub(g, g.scalar(-Math.log(2 * Math.PI) / 2), Mul(g, u, u)));
  const below = g.add("HardSigmoid", [Erf(g, u)], { alpha: 0.5, beta: 0.5 });
  return Add(g, below, Mul(g, x, density));
}

/** gelu(x) = x (1 + t) / 2, t = tanh(u), u = k (x + c x^3):  slope = (1 + t + x (1 - t*t) u') / 2. */
export function geluTanhSlope(g: Graph, x: Value): Value {
  const k = Math.sqrt(2 / Math.PI);
  const c = 0.044715;
  const square = Mul(g, x, x);
  const polynomial = (scale: number): Value => Add(g, Mul(g, square, g.scalar(scale)), g.scalar(k));
  const t = Tanh(g, Mul(g, x, polynomial(k * c)));
  const xdu = Mul(g, x, polynomial(3 * k * c));
  const sech2 = Sub(g, g.scalar(1), Mul(g, t, t));
  const twice = Add(g, Add(g, t, Mul(g, sech2, xdu)), g.scalar(1));
  return Mul(g, twice, g.scalar(0.5));
}
