import { describe, expect, it } from 'vitest';
import { readGgufHeader } from './gguf-header';
import { readGgufTensor } from './gguf-tensor';
import type { GgufEntry, GgufValue } from './gguf-types';
import { collectGguf, writeGguf, type GgufTensor } from './gguf-writer';

const numbers = (count: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, (_, i) => (i % 16) - 8);

const METADATA = new Map<string, GgufValue>([
  ['general.architecture', { type: 'string', value: 'llama' }],
  ['general.alignment', { type: 'uint32', value: 64 }],
  ['llama.rope.freq_base', { type: 'float32', value: 10_000 }],
  ['big', { type: 'uint64', value: 2n ** 63n }],
  ['small', { type: 'int64', value: -3n }],
  ['double', { type: 'float64', value: 0.1 }],
  ['tokenizer.ggml.tokens', { type: 'array', of: 'string', values: ['<s>', '▁año', ''] }],
  ['tokenizer.ggml.scores', { type: 'array', of: 'float32', values: [0, -1.5, -2] }],
  ['tokenizer.ggml.token_type', { type: 'array', of: 'int32', values: [3, 1, -1] }],
  ['tokenizer.ggml.add_bos_token', { type: 'bool', value: false }],
  ['flags', { type: 'array', of: 'bool', values: [true, false] }],
  ['longs', { type: 'array', of: 'int64', values: [-(2n ** 63n)] }],
  ['lists', { type: 'array', of: 'array', values: [{ type: 'array', of: 'uint16', values: [65_535] }] }],
]);

const TENSORS: GgufTensor[] = (['F32', 'F16', 'Q8_0', 'Q4_0'] as const).map((type) => ({
  name: `blk.0.${type}.weight`,
  type,
  shape: [3, 32],
  parts: () => [numbers(96).subarray(0, 32), numbers(96).subarray(32)],
}));

describe('gguf writer', () => {
  it('gguf writer: what was written is read back, metadata, shapes and values', async () => {
    const stream = writeGguf('model.gguf', { metadata: METADATA, tensors: TENSORS });
    const file = await collectGguf(stream);
    expect(file.size).toBe(stream.byteLength);
    const header = await readGgufHeader(file);
    expect(header.version).toBe(3);
    expect([...header.metadata]).toEqual([...METADATA]);
    expect([...header.tensors].map(([name, { type, shape }]) => [name, type, shape])).toEqual(
      TENSORS.map(({ name, type, shape }) => [name, type, shape]),
    );
    for (const entry of header.tensors.values()) {
      expect(entry.begin % 64).toBe(0);
      const { data } = await readGgufTensor(file, entry);
      // Q8_0 keeps 1/127 of the extreme in half precision; the other types hold these numbers exactly.
      const scale = entry.type === 'Q8_0' ? 8 * 2 ** -11 : 0;
      data.forEach((value, i) => {
        expect(Math.abs(value - (numbers(96)[i] ?? NaN))).toBeLessThanOrEqual(
          scale + (entry.type === 'Q8_0' ? 4 / 127 : 0),
        );
      });
    }
  });

  it('gguf writer: tensors come one part at a time, from an async source too', async () => {
    const asked: number[] = [];
    const tensor: GgufTensor = {
      name: 't',
      type: 'F32',
      shape: [4, 2],
      parts: async function* () {
        for (const row of [0, 1, 2, 3]) {
          asked.push(row);
          yield await Promise.resolve(Float32Array.of(row, row));
        }
      },
    };
    const seen: number[] = [];
    for await (const part of writeGguf('m', { metadata: new Map(), tensors: [tensor] }).stream()) {
      seen.push(part.length);
      expect(asked.length).toBeLessThan(seen.length + 1);
    }
    // A header padded to 32 (24 + 9 + 4 + 16 + 4 + 8 = 65), then four rows of 8 bytes; 32 is a multiple already.
    expect(seen).toEqual([96, 8, 8, 8, 8]);
  });

  it('gguf writer: refuses what the format cannot hold', async () => {
    const write = (tensor: Partial<GgufTensor>) =>
      writeGguf('m', { metadata: new Map(), tensors: [{ ...(TENSORS[0] as GgufTensor), ...tensor }] });
    expect(() => write({ shape: [3, 31], type: 'Q8_0' })).toThrow('rows of 31; Q8_0 needs a multiple of 32');
    expect(() => write({ shape: [] })).toThrow('rows of 0');
    expect(() => write({ shape: [1, 1, 1, 1, 32] })).toThrow('GGUF cannot hold');
    expect(() => write({ name: 'n'.repeat(64) })).toThrow('64 bytes');
    expect(() => writeGguf('m', { metadata: new Map(), tensors: [...TENSORS, ...TENSORS] })).toThrow('twice');
    const wrong = new Map<string, GgufValue>([['n', { type: 'uint32', value: -1 }]]);
    expect(() => writeGguf('m', { metadata: wrong, tensors: [] })).toThrow('-1 is no uint32');
    await expect(collectGguf(write({ shape: [2, 32] }))).rejects.toThrow('more than the 256 bytes');
    await expect(collectGguf(write({ shape: [4, 32] }))).rejects.toThrow('384 bytes, which is less');
  });

  it('gguf writer: a reader without the padding rule would find other values', async () => {
    const odd: GgufTensor = { name: 'odd', type: 'F32', shape: [3], parts: () => [Float32Array.of(1, 2, 3)] };
    const next: GgufTensor = { name: 'next', type: 'F32', shape: [1], parts: () => [Float32Array.of(9)] };
    const file = await collectGguf(writeGguf('m', { metadata: new Map(), tensors: [odd, next] }));
    const entry = (await readGgufHeader(file)).tensors.get('next') as GgufEntry;
    expect([...(await readGgufTensor(file, entry)).data]).toEqual([9]);
    const unpadded = await readGgufTensor(file, { ...entry, begin: entry.begin - 20, end: entry.end - 20 });
    expect([...unpadded.data]).toEqual([0]);
  });
});
