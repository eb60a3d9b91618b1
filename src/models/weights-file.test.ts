import { describe, expect, it } from 'vitest';
import { writeSafetensors } from '../lib/formats/safetensors';
import { bfloatsToFloats } from '../lib/formats/float16';
import { MODEL_JSON } from '../../tests/support/model-forms';
import { projectionPath } from './decoder/decoder-names';
import { WeightPlaces } from './decoder/weight-places';
import { parseLlamaConfig } from './families/llama';
import { openWeights } from './weights-file';

const files = [
  {
    name: 'model.safetensors',
    blob: writeSafetensors(new Map([['w', { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) }]])),
  },
];
const shapes = new Map([['w', [3, 2]]]);

function bfloatFile(name: string, shape: number[], data: Float32Array<ArrayBuffer>): Blob {
  const halves = Uint16Array.from(new Uint32Array(data.buffer), (bits) => bits >>> 16);
  const entry = { dtype: 'BF16', shape, data_offsets: [0, halves.byteLength] };
  const header = new TextEncoder().encode(JSON.stringify({ [name]: entry }));
  return new Blob([BigUint64Array.of(BigInt(header.length)), header, halves]);
}

describe('weights file', () => {
  it('openWeights: rows come one range after the other; what was read whole stays', async () => {
    const { read } = await openWeights({ files, fileOf: null }, shapes);
    const whole = await read('w');
    const [first, second] = [
      [...(await read('w', { first: 0, count: 2 })).data],
      await read('w', { first: 2, count: 1 }),
    ];
    expect(first).toEqual([1, 2, 3, 4]);
    expect(second).toEqual({ shape: [1, 2], data: Float32Array.of(5, 6) });
    expect([...whole.data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('openWeights: a model that was saved without its head lacks the first part of each name', async () => {
    const bare = [
      { name: 'w', blob: writeSafetensors(new Map([['h.w', { shape: [1], data: Float32Array.of(7) }]])) },
    ];
    const { read } = await openWeights({ files: bare, fileOf: null }, new Map([['transformer.h.w', [1]]]));
    expect([...(await read('transformer.h.w')).data]).toEqual([7]);
    const other = openWeights({ files: bare, fileOf: null }, new Map([['transformer.g.w', [1]]]));
    await expect(other).rejects.toThrow('transformer.g.w is missing');
  });

  it('openWeights: rows are whole until the next ones arrive, though these are on their way', async () => {
    const { read } = await openWeights({ files, fileOf: null }, shapes);
    const first = await read('w', { first: 0, count: 1 });
    const next = read('w', { first: 1, count: 1 });
    expect([...first.data]).toEqual([1, 2]);
    expect([...(await next).data]).toEqual([3, 4]);
  });

  it('openWeights: parts of one array that are asked for whole stay when others are read', async () => {
    // Whole numbers below 256 are bfloats.
    const data = Float32Array.from({ length: 32 * 16 }, (_, i) => i % 251);
    const fused = bfloatFile('qkv', [32, 16], data);
    const opened = await openWeights({ files: [{ name: 'w', blob: fused }], fileOf: null }, new Map());
    const places = new WeightPlaces(parseLlamaConfig(MODEL_JSON), (name) => ({
      name: /layers\.0\.self_attn\.[qkv]_proj/.test(name) ? 'qkv' : name,
    }));
    const read = places.decoderReader(opened.read);
    const q = await read(`${projectionPath(0, 'q')}.weight`);
    const k = await read(`${projectionPath(0, 'k')}.weight`);
    expect(q).toEqual({ shape: [16, 16], data: data.slice(0, 256) });
    expect(k).toEqual({ shape: [8, 16], data: data.slice(256, 384) });
  });

  it('bfloatsToFloats: odd numbers of them, at odd places, into memory that is there', () => {
    const bits = Uint16Array.of(0x3f80, 0xc040, 0x4000, 0x3f00);
    const into = new Float32Array(3);
    expect([...bfloatsToFloats(bits.subarray(0, 3), into)]).toEqual([1, -3, 2]);
    expect([...bfloatsToFloats(bits.subarray(1), into)]).toEqual([-3, 2, 0.5]);
    expect([...into]).toEqual([-3, 2, 0.5]);
  });
});
