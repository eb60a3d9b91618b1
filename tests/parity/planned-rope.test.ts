import { describe, expect, it } from 'vitest';
import { rope, type RopeShape } from '../../src/engine/planned/kernels/rope';
import { copy } from '../../src/engine/planned/kernels/elementwise';
import { relativeError } from '../../src/engine/reference/compare';
import { draws, run, type Data } from './planned-fixture';

const MAX_POSITIONS = 5000;

/** [MAX_POSITIONS, half] of a function of the angle, theta 10000. */
function table(half: number, of: (angle: number) => number): Data {
  return Float32Array.from({ length: MAX_POSITIONS * half }, (_, index) => {
    const pair = index % half;
    return of(Math.floor(index / half) * 10_000 ** (-pair / half));
  });
}

/** Rotation of the query and key heads in 64 bits; `turn` is 1 or -1. */
function rotated(qkv: Float32Array, positions: Uint32Array, shape: RopeShape, turn: number): Float64Array {
  const { heads, kvHeads, headSize } = shape;
  const result = Float64Array.from(qkv);
  const half = headSize / 2;
  positions.forEach((position, token) => {
    for (let head = 0; head < heads + kvHeads; head += 1) {
      const at = (token * (heads + 2 * kvHeads) + head) * headSize;
      for (let i = 0; i < half; i += 1) {
        const angle = turn * position * 10_000 ** (-i / half);
        const [x, y] = [qkv[at + i] ?? NaN, qkv[at + half + i] ?? NaN];
        result[at + i] = x * Math.cos(angle) - y * Math.sin(angle);
        result[at + half + i] = y * Math.cos(angle) + x * Math.sin(angle);
      }
    }
  });
  return result;
}

const positions = Uint32Array.of(0, 1, 2, 7, 4999, 0, 3);

async function turned(qkv: Float32Array<ArrayBuffer>, dy: Float32Array<ArrayBuffer>, shape: RopeShape) {
  const size = [positions.length, (shape.heads + 2 * shape.kvHeads) * shape.headSize];
  return run(({ tape, input }) => {
    const x = input('qkv', size, qkv, true);
    const half = shape.headSize / 2;
    const tables = {
      cosine: input('cosine', [MAX_POSITIONS, half], table(half, Math.cos)),
      sine: input('sine', [MAX_POSITIONS, half], table(half, Math.sin)),
    };
    rope(tape, x, tables, input('positions', [positions.length], positions), shape);
    const gradient = tape.recorder.temporary('dy', size);
    copy(tape, input('given', size, dy), gradient);
    tape.hand(x, gradient);
    tape.backward();
    return { x, gradient };
  });
}

describe('rope', () => {
  const shapes: RopeShape[] = [
    { heads: 3, kvHeads: 1, headSize: 6 },
    { heads: 2, kvHeads: 2, headSize: 12 },
    { heads: 4, kvHeads: 2, headSize: 32 },
  ];
  it.each(shapes)('$heads/$kvHeads heads of $headSize: turns queries and keys, not values', async (shape) => {
    const size = positions.length * (shape.heads + 2 * shape.kvHeads) * shape.headSize;
    const [qkv, dy] = [draws(size), draws(size)];
    const { x, gradient } = await turned(qkv, dy, shape);
    expect(relativeError(x ?? [], rotated(qkv, positions, shape, 1))).toBeLessThan(1e-6);
    expect(relativeError(gradient ?? [], rotated(dy, positions, shape, -1))).toBeLessThan(1e-6);
    expect(relativeError(gradient ?? [], rotated(dy, positions, shape, 1))).toBeGreaterThan(0.1);
  });
});
