import { describe, expect, it } from 'vitest';
import { vectorFromBytes, vectorToBytes } from './vector-bytes';

const wave = (length: number, scale: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, (_, i) => Math.sin(i + 1) * scale);

describe('vector-bytes', () => {
  it('vector-bytes: two bytes a value where that keeps the direction', () => {
    const vector = wave(384, 0.05);
    const bytes = vectorToBytes(vector);
    expect(bytes.length).toBe(16 + 2 * 384);
    const back = vectorFromBytes(bytes);
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Array.from(a).reduce((sum, value, i) => sum + value * (b[i] ?? NaN), 0);
    const cosine = dot(vector, back ?? []) / Math.sqrt(dot(vector, vector) * dot(back ?? [], back ?? []));
    expect(cosine).toBeGreaterThan(1 - 1e-6);
  });

  it.each([1e-7, 1e6])('vector-bytes: exact where halves cannot hold it, scale %f', (scale) => {
    const vector = wave(5, scale);
    expect(vectorFromBytes(vectorToBytes(vector))).toEqual(vector);
  });

  it('vector-bytes: an odd number of halves, and none', () => {
    expect(vectorFromBytes(vectorToBytes(Float32Array.of(1, 2, 3)))).toEqual(Float32Array.of(1, 2, 3));
    expect(vectorFromBytes(vectorToBytes(new Float32Array()))).toEqual(new Float32Array());
  });

  it('vector-bytes: changed, cut or other bytes are told from a vector', () => {
    const bytes = vectorToBytes(wave(8, 1));
    const changed = bytes.slice();
    changed[20] = (changed[20] ?? 0) ^ 1;
    expect(vectorFromBytes(changed)).toBeNull();
    expect(vectorFromBytes(bytes.slice(0, 24))).toBeNull();
    expect(vectorFromBytes(new Uint8Array(0))).toBeNull();
    expect(vectorFromBytes(new Uint8Array(32))).toBeNull();
  });
});
