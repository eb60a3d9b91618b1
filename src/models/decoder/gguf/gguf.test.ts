import { describe, expect, it } from 'vitest';
import { readGgufHeader } from '../../../lib/formats/gguf/gguf-header';
import type { GgufValue } from '../../../lib/formats/gguf/gguf-types';
import { collectGguf, writeGguf, type GgufTensor } from '../../../lib/formats/gguf/gguf-writer';
import type { FileArray, WeightReader } from '../../file-layout';
import { ggufMetadataOf } from './gguf-config';
import { fromGgufRows, toGgufRows } from './gguf-names';
import { ropeFactors, scalingOfFactors } from './gguf-rope';
import { LLAMA_FORM } from './gguf-form';
import { ggufTensorsOf, openGguf } from './gguf-weights';
import { parseLlamaConfig } from '../../families/llama';
import { inverseFrequencies, type DecoderConfig } from '../decoder-config';
import { projectionPath } from '../decoder-names';
import { randomWeights } from '../random-weights';

const CONFIG: DecoderConfig = {
  vocabSize: 40,
  hiddenSize: 64,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headSize: 16,
  intermediateSize: 96,
  contextLength: 128,
  ropeTheta: 500_000,
  ropeScaling: null,
  normEpsilon: 1e-5,
  tiedHead: true,
  stopTokenIds: [],
  slidingWindow: null,
};

const readerOf =
  (weights: ReadonlyMap<string, FileArray>): WeightReader =>
  (name) => {
    const found = weights.get(name);
    return found === undefined ? Promise.reject(new Error(name)) : Promise.resolve(found);
  };

async function openLlama(file: Blob) {
  const { header, configJson, reader } = await openGguf(file, [LLAMA_FORM]);
  const config = parseLlamaConfig(configJson);
  return { header, config, configJson, read: reader(config) };
}

interface Changes {
  metadata?: (metadata: Map<string, GgufValue>) => void;
  tensors?: (tensors: GgufTensor[]) => GgufTensor[];
  type?: 'F32' | 'Q8_0' | 'Q4_0';
}

async function fileOf(config: DecoderConfig, changes: Changes = {}): Promise<Blob> {
  const type = changes.type ?? 'F32';
  const metadata = ggufMetadataOf(config, { name: 'tiny', fileType: type }, LLAMA_FORM);
  changes.metadata?.(metadata);
  const tensors = ggufTensorsOf(config, readerOf(randomWeights(config, 1)), type, LLAMA_FORM);
  return collectGguf(writeGguf('m', { metadata, tensors: changes.tensors?.(tensors) ?? tensors }));
}

const put =
  (key: string, value: GgufValue): NonNullable<Changes['metadata']> =>
  (metadata) =>
    metadata.set(key, value);

describe('gguf llama', () => {
  it.each([
    ['tied, plain rotation', CONFIG],
    [
      'a head of its own, linear scaling',
      { ...CONFIG, tiedHead: false, ropeScaling: { type: 'linear', factor: 4 } },
    ],
    [
      'llama3 scaling',
      {
        ...CONFIG,
        ropeScaling: {
          type: 'llama3',
          factor: 32,
          lowFrequencyFactor: 1,
          highFrequencyFactor: 4,
          originalContextLength: 8192,
        },
      },
    ],
    ['a sliding window', { ...CONFIG, slidingWindow: 32 }],
    ['heads wider than their share', { ...CONFIG, headSize: 32 }],
  ] as [string, DecoderConfig][])('gguf llama: numbers and weights come back: %s', async (_, config) => {
    const opened = await openLlama(await fileOf(config));
    expect(opened.config).toEqual(config);
    for (const [name, expected] of randomWeights(config, 1))
      expect(await opened.read(name)).toEqual(expected);
  });

  it('gguf llama: rows of q are read alone, across heads, in their own order', async () => {
    const { read } = await openLlama(await fileOf(CONFIG));
    const name = `${projectionPath(1, 'q')}.weight`;
    const whole = await read(name);
    for (const [first, count] of [
      [0, 1],
      [5, 20],
      [63, 1],
      [16, 16],
    ] as const) {
      const rows = await read(name, { first, count });
      expect(rows).toEqual({ shape: [count, 64], data: whole.data.slice(64 * first, 64 * (first + count)) });
    }
    await expect(read(name, { first: 60, count: 9 })).rejects.toThrow('Rows 60 to 69 are not among 64.');
  });

  it('gguf llama: quantised files keep vectors in F32 and give close weights', async () => {
    const file = await fileOf({ ...CONFIG, intermediateSize: 80 }, { type: 'Q4_0' });
    const { header, read } = await openLlama(file);
    const types = Object.fromEntries([...header.tensors].map(([name, { type }]) => [name, type]));
    expect(types).toMatchObject({
      'token_embd.weight': 'Q8_0',
      'blk.0.attn_norm.weight': 'F32',
      'blk.0.attn_q.weight': 'Q4_0',
      // Rows of 80 are no whole number of blocks.
      'blk.0.ffn_down.weight': 'F16',
    });
    const name = `${projectionPath(0, 'k')}.weight`;
    const exact = randomWeights({ ...CONFIG, intermediateSize: 80 }, 1).get(name);
    const off = (await read(name)).data.map((value, i) => Math.abs(value - (exact?.data[i] ?? NaN)));
    // One step of a block is an eighth of its extreme; weights are normal with deviation 0.02.
    expect(Math.max(...off)).toBeLessThan(0.1 / 8);
  });

  it('gguf llama: moved rows make neighbours rotate as halves did', () => {
    const { headSize } = CONFIG;
    const angles = inverseFrequencies(CONFIG).map((frequency) => 3 * frequency);
    // Two heads, one column: the projection of the input 1 is the weight itself.
    const weight = Float32Array.from({ length: 2 * headSize }, (_, i) => Math.sin(i + 1));
    const moved = toGgufRows(weight, headSize, 1);
    const rotate = (head: Float32Array, pair: (i: number) => [number, number]): number[] => {
      const out = new Array<number>(headSize);
      angles.forEach((angle, i) => {
        const [a, b] = pair(i);
        const [x, y] = [head[a] ?? NaN, head[b] ?? NaN];
        out[a] = x * Math.cos(angle) - y * Math.sin(angle);
        out[b] = x * Math.sin(angle) + y * Math.cos(angle);
      });
      return out;
    };
    const halves = rotate(weight.subarray(0, headSize), (i) => [i, i + headSize / 2]);
    const neighbours = rotate(moved.subarray(0, headSize), (i) => [2 * i, 2 * i + 1]);
    expect([...toGgufRows(Float32Array.from(halves), headSize, 1)]).toEqual([
      ...Float32Array.from(neighbours),
    ]);
    const unmoved = rotate(weight.subarray(0, headSize), (i) => [2 * i, 2 * i + 1]);
    expect(unmoved).not.toEqual(neighbours);
    expect([...fromGgufRows(moved, headSize, 1)]).toEqual([...weight]);
    // Row 1 of the file is row headSize / 2 of the head.
    expect(moved[1]).toBe(weight[headSize / 2]);
    expect(() => toGgufRows(weight.subarray(1), headSize, 1)).toThrow('no whole number of heads');
  });

  it('gguf llama: unusual llama3 scaling is fitted from the divisors, others are refused', () => {
    const rotary = { headSize: 128, ropeTheta: 500_000 };
    const unusual = {
      type: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 6,
      originalContextLength: 4096,
    } as const;
    expect(scalingOfFactors(rotary, ropeFactors(rotary, unusual))).toEqual(unusual);
    expect(scalingOfFactors(rotary, new Float32Array(64).fill(1))).toBeNull();
    const other = Float32Array.from({ length: 64 }, (_, i) => 1 + i);
    expect(() => scalingOfFactors(rotary, other)).toThrow("not those of Llama 3.1's scaling");
  });

  it('gguf llama: defaults of older files, and ends of turns from the tokenizer', async () => {
    const { config } = await openLlama(
      await fileOf(CONFIG, {
        metadata: (metadata) => {
          for (const key of [
            'vocab_size',
            'rope.freq_base',
            'attention.key_length',
            'attention.value_length',
          ]) {
            metadata.delete(`llama.${key}`);
          }
          metadata.set('tokenizer.ggml.eos_token_id', { type: 'uint32', value: 2 });
          metadata.set('tokenizer.ggml.eot_token_id', { type: 'uint32', value: 7 });
          metadata.set('llama.attention.head_count_kv', { type: 'array', of: 'int32', values: [2, 2] });
        },
      }),
    );
    expect(config).toEqual({ ...CONFIG, ropeTheta: 10_000, stopTokenIds: [2, 7] });
  });

  it.each([
    [
      'another architecture',
      { metadata: put('general.architecture', { type: 'string', value: 'mamba' }) },
      'mamba',
    ],
    [
      'experts',
      { metadata: put('llama.expert_count', { type: 'uint32', value: 8 }) },
      'llama.expert_count is 8',
    ],
    [
      'a rotation of half a head',
      { metadata: put('llama.rope.dimension_count', { type: 'uint32', value: 8 }) },
      'llama.rope.dimension_count is 8, only 16',
    ],
    [
      'YaRN',
      { metadata: put('llama.rope.scaling.type', { type: 'string', value: 'yarn' }) },
      'scaling is yarn',
    ],
    ['a missing number', { metadata: (m) => m.delete('llama.block_count') }, 'llama.block_count is missing'],
    [
      'a vocabulary of another size',
      { metadata: put('llama.vocab_size', { type: 'uint32', value: 41 }) },
      '40 rows, its vocabulary 41',
    ],
    [
      'heads that differ',
      { metadata: put('llama.attention.head_count_kv', { type: 'array', of: 'uint32', values: [2, 1] }) },
      'differs from layer to layer (2, 1)',
    ],
    [
      'a missing tensor',
      { tensors: (t) => t.filter(({ name }) => name !== 'blk.1.ffn_up.weight') },
      'blk.1.ffn_up',
    ],
    [
      'a tensor in another shape',
      {
        tensors: (t) =>
          t.map((tensor) => (tensor.name === 'output_norm.weight' ? norm(tensor.name) : tensor)),
      },
      'output_norm.weight is [32], expected [64]',
    ],
    ['a bias', { tensors: (t) => [...t, norm('blk.0.attn_q.bias')] }, 'blk.0.attn_q.bias has no place'],
  ] as [string, Changes, string][])('gguf llama: refuses %s', async (_, changes, message) => {
    const file = await fileOf(CONFIG, changes);
    await readGgufHeader(file);
    await expect(openLlama(file)).rejects.toMatchObject({
      code: 'model.unsupported',
      message: expect.stringContaining(message) as string,
    });
  });
});

function norm(name: string): GgufTensor {
  return { name, type: 'F32', shape: [32], parts: () => [new Float32Array(32)] };
}
