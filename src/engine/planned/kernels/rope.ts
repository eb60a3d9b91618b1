// Rotary position embedding (Su et al. 2021), Hugging Face layout: element i turns together with i + headSize / 2. In
// place, on the query and key heads of the packed projection; its gradient turns the gradient back, in place as well.
import { linearGrid, reads, writes, type Kernel } from '../kernel';
import { elements, type Value } from '../recorder';
import type { Tape } from '../tape';

export interface RopeShape {
  heads: number;
  kvHeads: number;
  /** Even. */
  headSize: number;
}

/** Made on the host in 64 bits, as `sin` and `cos` of WGSL are too coarse for large angles. */
export interface RopeTables {
  /** f32 [maxPositions, headSize / 2] */
  cosine: Value;
  /** f32 [maxPositions, headSize / 2] */
  sine: Value;
}

/** The widest vector that divides half a head. */
export function pairVector(half: number): { width: number; type: string } {
  if (half % 4 === 0) return { width: 4, type: 'array<vec4<f32>>' };
  return half % 2 === 0 ? { width: 2, type: 'array<vec2<f32>>' } : { width: 1, type: 'array<f32>' };
}

/** One invocation turns a vector of pairs in all heads of a token: its angles are loaded once. */
function ropeKernel({ heads, kvHeads, headSize }: RopeShape, tokens: number, inverse: boolean): Kernel {
  const { width, type } = pairVector(headSize / 2);
  const half = headSize / 2 / width;
  const grid = linearGrid(tokens * half);
  const sign = inverse ? '-' : '';
  return {
    name: `rope ${tokens}x${heads}+${kvHeads}x${headSize}${inverse ? ' back' : ''}`,
    bindings: [
      reads('cosine', type),
      reads('sine', type),
      reads('positions', 'array<u32>'),
      writes('qkv', type),
    ],
    code: `${grid.signature} { ${grid.index}
  let token = index / ${half}u;
  let pair = index % ${half}u;
  let angle = positions[token] * ${half}u + pair;
  let c = cosine[angle];
  let s = ${sign}sine[angle];
  var at = token * ${(heads + 2 * kvHeads) * 2 * half}u + pair;
  for (var head = 0u; head < ${heads + kvHeads}u; head++) {
    let x = qkv[at];
    let y = qkv[at + ${half}u];
    qkv[at] = x * c - y * s;
    qkv[at + ${half}u] = y * c + x * s;
    at += ${2 * half}u;
  }
}`,
    workgroups: grid.workgroups,
    flops: 6 * tokens * (heads + kvHeads) * (headSize / 2),
  };
}

/**
 * Turns query and key heads of `qkv` [tokens, (heads + 2 * kvHeads) * headSize] in place. @param positions u32 [tokens],
 * each below the tables' maxPositions.
 */
export function rope(
  tape: Tape,
  qkv: Value,
  { cosine, sine }: RopeTables,
  positions: Value,
  shape: RopeShape,
): void {
  const tokens = elements(positions.shape);
  tape.recorder.dispatch(ropeKernel(shape, tokens, false), [cosine, sine, positions, qkv]);
  tape.rule(() => {
    const gradient = tape.gradient(qkv);
    if (gradient === null) return;
    tape.recorder.dispatch(ropeKernel(shape, tokens, true), [cosine, sine, positions, gradient]);
  });
}
