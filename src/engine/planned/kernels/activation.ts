// Activations of the feed-forward network and their slopes, as WGSL over numbers or vectors of four. Pure.

/** `gelu` with the error function, `gelu-tanh` as its usual approximation (Hendrycks and Gimpel 2016). */
export type Activation = 'silu' | 'gelu' | 'gelu-tanh';

/** d silu / dz = s * (1 + z * (1 - s)). */
const SILU = `
fn value(z: T) -> T { return z / (1.0 + exp(-z)); }
fn slope(z: T) -> T { let s = 1.0 / (1.0 + exp(-z)); return s * (1.0 + z * (1.0 - s)); }`;

/**
 * gelu(z) = z * P(z), P the normal distribution, by the error function's complement: a Chebyshev fit whose error is below
 * 1.2e-7 of its value (Press et al., Numerical Recipes, section 6.2). d gelu / dz = P(z) + z * p(z).
 */
const GELU = `
fn distribution(z: T) -> T {
  let a = abs(z) * 0.70710678118;
  let t = 1.0 / (1.0 + 0.5 * a);
  let fit = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
    t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let tail = 0.5 * t * exp(fit - a * a);
  return select(tail, 1.0 - tail, z > T(0.0));
}
fn value(z: T) -> T { return z * distribution(z); }
fn slope(z: T) -> T { return distribution(z) + z * 0.39894228040 * exp(-0.5 * z * z); }`;

/** gelu(z) = z * (1 + tanh(u)) / 2, u = sqrt(2 / pi) * (z + 0.044715 z^3); tanh by exp, kept from overflowing. */
const GELU_TANH = `
fn gate(z: T) -> T {
  let u = 0.79788456080 * (z + 0.044715 * z * z * z);
  return 1.0 - 2.0 / (1.0 + exp(2.0 * clamp(u, T(-20.0), T(20.0))));
}
fn value(z: T) -> T { return 0.5 * z * (1.0 + gate(z)); }
fn slope(z: T) -> T {
  let t = gate(z);
  return 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * 0.79788456080 * (1.0 + 0.134145 * z * z);
}`;

const CODE: Record<Activation, string> = { silu: SILU, gelu: GELU, 'gelu-tanh': GELU_TANH };

/** Elements that are worked on at once where lengths are multiples of it. */
export const VECTOR = 4;

/** Declares `T` and the functions `value` and `slope` over it. */
export const activationCode = (kind: Activation, vectors: boolean): string =>
  `alias T = ${vectors ? 'vec4<f32>' : 'f32'};${CODE[kind]}`;
