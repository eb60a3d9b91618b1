import { describe, expect, it } from 'vitest';
import { bfloatToFloat, floatsToBfloats } from './float16';
import { readSafetensor, readSafetensorsHeader } from './safetensors';
import { streamSafetensors, type StreamedArray } from './safetensors-stream';

async function* parts(...values: number[][]): AsyncGenerator<Float32Array<ArrayBuffer>, void> {
  for (const part of values) yield await Promise.resolve(Float32Array.from(part));
}

const arrays = (...values: number[][]): StreamedArray[] => [
  { name: 'a', shape: [2, 3], parts: () => parts(...values) },
  { name: 'b', shape: [1], parts: () => parts([0.5]) },
];

async function blobOf(type: 'F32' | 'F16' | 'BF16', values: number[][]): Promise<Blob> {
  const file = streamSafetensors('m', arrays(...values), type, { license: 'mit' });
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of file.stream()) chunks.push(chunk.slice());
  const blob = new Blob(chunks);
  expect(blob.size).toBe(file.byteLength);
  return blob;
}

describe('streamSafetensors', () => {
  it.each(['F32', 'F16', 'BF16'] as const)('streamSafetensors: %s reads back', async (type) => {
    const blob = await blobOf(type, [
      [1, -2, 3],
      [0, 0.25, -0.5],
    ]);
    const { tensors, metadata } = await readSafetensorsHeader(blob);
    expect(metadata).toEqual({ format: 'pt', license: 'mit' });
    const entry = tensors.get('a');
    if (entry === undefined) throw new Error('a is missing.');
    expect(entry).toMatchObject({ dtype: type, shape: [2, 3] });
    expect(entry.begin % 8).toBe(0);
    expect([...(await readSafetensor(blob, entry)).data]).toEqual([1, -2, 3, 0, 0.25, -0.5]);
  });

  it('streamSafetensors: a wrong number of values, and one too large for a half', async () => {
    await expect(blobOf('F32', [[1, 2, 3]])).rejects.toThrow('a has 3 values; its shape needs 6.');
    await expect(blobOf('F16', [[1, 2, 3, 4, 5, 1e6]])).rejects.toMatchObject({ code: 'model.unsupported' });
  });

  it('floatsToBfloats: nearest, ties to even, not-a-number and infinity stay', () => {
    const one = 1 / 128;
    const values = [1 + one / 2, 1 + (3 * one) / 2, 1 + 0.6 * one, -3.5, Infinity, NaN, 3.4e38];
    const back = [...floatsToBfloats(Float32Array.from(values))].map(bfloatToFloat);
    expect(back).toEqual([1, 1 + 2 * one, 1 + one, -3.5, Infinity, NaN, Infinity]);
  });
});
