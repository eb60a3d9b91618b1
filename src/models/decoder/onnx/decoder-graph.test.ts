import { describe, expect, it } from 'vitest';
import { dequantise, quantise } from '../../../engine/planned';
import { arrayBytes, type OnnxArray, type OnnxModel } from '../../../lib/formats/onnx';
import type { FileArray, WeightReader } from '../../file-layout';
import type { DecoderConfig } from '../decoder-config';
import { EMBEDDING, HEAD } from '../decoder-names';
import { randomWeights } from '../random-weights';
import { decoderOnnx } from './decoder-graph';
import type { OnnxForm } from './graph-form';

const CONFIG: DecoderConfig = {
  vocabSize: 11,
  hiddenSize: 8,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headSize: 16,
  intermediateSize: 12,
  contextLength: 32,
  ropeTheta: 10_000,
  ropeScaling: null,
  normEpsilon: 1e-5,
  tiedHead: true,
  stopTokenIds: [],
};
const FORMS: [string, OnnxForm][] = [
  ['portable', { kind: 'portable' }],
  ['static', { kind: 'static', capacity: 24, tokens: null }],
  ['static, one token', { kind: 'static', capacity: 24, tokens: 1 }],
  ['given', { kind: 'given' }],
];
const weights = randomWeights(CONFIG, 3);
const read: WeightReader = (name) => Promise.resolve(weights.get(name) as FileArray);
const build = (form: OnnxForm, config = CONFIG): OnnxModel => decoderOnnx(config, read, form);

async function valuesOf(array: OnnxArray | undefined): Promise<number[]> {
  const values: number[] = [];
  for await (const chunk of array?.chunks() ?? []) {
    for (const value of new Float32Array(chunk.buffer, chunk.byteOffset, chunk.byteLength / 4))
      values.push(value);
  }
  return values;
}

describe.each(FORMS)('decoderOnnx, %s', (_, form) => {
  it('decoderOnnx: each node reads what is there before it, and every output is made', () => {
    const { nodes, arrays, inputs, outputs } = build(form);
    const known = new Set(['', ...inputs.map(({ name }) => name), ...arrays.map(({ name }) => name)]);
    for (const node of nodes) {
      expect(node.inputs.filter((name) => !known.has(name))).toEqual([]);
      for (const output of node.outputs.filter((name) => name !== '')) {
        expect(known.has(output), output).toBe(false);
        known.add(output);
      }
    }
    expect(outputs.filter(({ name }) => !known.has(name))).toEqual([]);
    expect(new Set(nodes.map(({ name }) => name)).size).toBe(nodes.length);
  });

  it('decoderOnnx: no input or array is there for nothing', () => {
    const { nodes, arrays, inputs } = build(form);
    const used = new Set(nodes.flatMap((node) => node.inputs));
    expect([...inputs, ...arrays].map(({ name }) => name).filter((name) => !used.has(name))).toEqual([]);
  });

  it('decoderOnnx: arrays give as many bytes as their shapes say', async () => {
    for (const array of build(form).arrays) {
      let bytes = 0;
      for await (const chunk of array.chunks()) bytes += chunk.byteLength;
      expect(bytes, array.name).toBe(arrayBytes(array));
    }
  });
});

describe('decoderOnnx', () => {
  it('decoderOnnx: the portable form has the names and sizes that transformers.js feeds', () => {
    const { inputs, outputs } = build({ kind: 'portable' });
    expect(inputs.slice(0, 5)).toEqual([
      { name: 'input_ids', type: 'int64', shape: ['batch_size', 'sequence_length'] },
      { name: 'attention_mask', type: 'int64', shape: ['batch_size', 'total_sequence_length'] },
      { name: 'position_ids', type: 'int64', shape: ['batch_size', 'sequence_length'] },
      { name: 'num_logits_to_keep', type: 'int64', shape: [] },
      { name: 'past_key_values.0.key', type: 'float', shape: ['batch_size', 1, 'past_sequence_length', 16] },
    ]);
    expect(outputs.map(({ name }) => name)).toEqual([
      'logits',
      'present.0.key',
      'present.0.value',
      'present.1.key',
      'present.1.value',
    ]);
  });

  it('decoderOnnx: the static form for one token knows every size', () => {
    const { inputs, outputs } = build({ kind: 'static', capacity: 24, tokens: 1 });
    expect(
      [...inputs, ...outputs].flatMap(({ shape }) => shape).filter((size) => typeof size === 'string'),
    ).toEqual([]);
  });

  it.each([
    [7, { int: 7 }],
    [null, undefined],
  ])("decoderOnnx: a window of %s tokens is the attention's", (slidingWindow, expected) => {
    const { nodes } = build({ kind: 'portable' }, { ...CONFIG, slidingWindow });
    const attentions = nodes.filter(({ opType }) => opType === 'GroupQueryAttention');
    expect(attentions.map(({ attributes }) => attributes['local_window_size'])).toEqual([expected, expected]);
  });

  it('decoderOnnx: a tied head is the embedding, one of its own is an array more', () => {
    const names = (tiedHead: boolean) =>
      build({ kind: 'portable' }, { ...CONFIG, tiedHead }).arrays.map(({ name }) => name);
    expect(names(true).filter((name) => name === EMBEDDING)).toHaveLength(1);
    expect(names(true)).not.toContain(HEAD);
    expect(names(false)).toContain(HEAD);
  });

  it('decoderOnnx: q, k and v of the static form lie side by side, [in, out]', async () => {
    const { arrays } = build({ kind: 'static', capacity: 24, tokens: 1 });
    const packed = arrays.find(({ name }) => name === 'model.layers.1.attn.qkv_proj.MatMul.weight');
    // q has 2 heads of 16, k and v one each.
    expect(packed?.shape).toEqual([8, 64]);
    const values = await valuesOf(packed);
    const stored = (target: string, row: number, column: number) =>
      weights.get(`model.layers.1.self_attn.${target}_proj.weight`)?.data[row * 8 + column];
    expect(values[5 * 64 + 3]).toBe(stored('q', 3, 5));
    expect(values[5 * 64 + 32 + 4]).toBe(stored('k', 4, 5));
    expect(values[7 * 64 + 48 + 15]).toBe(stored('v', 15, 7));
  });

  it('decoderOnnx: the tables of the rotation go on where pieces of them end', async () => {
    const config = { ...CONFIG, contextLength: 140_000 };
    const cosine = build({ kind: 'portable' }, config).arrays.find(({ name }) => name === 'cos_cache');
    const values = await valuesOf(cosine);
    // A piece has 2^20 values, the table 1,120,000. Pair 1 of 8 turns by 10000^(-1/8) a position.
    const expected = Math.cos(139_999 * 10_000 ** (-1 / 8));
    expect(values[139_999 * 8 + 1]).toBeCloseTo(expected, 6);
    expect(values).toHaveLength(140_000 * 8);
  });

  it.each([
    ['int8', 8],
    ['int4', 4],
  ] as const)(
    'decoderOnnx: projections in %s are what our own engine would multiply by',
    async (storage, bits) => {
      const config = { ...CONFIG, hiddenSize: 32, intermediateSize: 10 };
      const own = randomWeights(config, 5);
      const readOwn: WeightReader = (name) => Promise.resolve(own.get(name) as FileArray);
      const { arrays, nodes } = decoderOnnx(
        config,
        readOwn,
        { kind: 'static', capacity: 8, tokens: 1 },
        storage,
      );
      const base = 'model.layers.0.attn.qkv_proj.MatMul.weight';
      const find = (name: string) => arrays.find((array) => array.name === name);
      const [levels, scales] = [find(`${base}_Q${bits}`), find(`${base}_scales`)];
      // q has 2 heads of 16, k and v one each; a row of 32 is one group.
      expect([levels?.shape, scales?.shape]).toEqual([[64, 1, 4 * bits], [64]]);
      const bytes: number[] = [];
      for await (const chunk of levels?.chunks() ?? []) bytes.push(...chunk);
      const scale = await valuesOf(scales);
      const middle = 2 ** (bits - 1);
      const levelAt = (i: number): number =>
        bits === 8 ? (bytes[i] ?? 0) : ((bytes[i >> 1] ?? 0) >> (4 * (i & 1))) & 15;
      const actual = Array.from({ length: 64 * 32 }, (_, i) => (levelAt(i) - middle) * (scale[i >> 5] ?? 0));
      const expected = ['q', 'k', 'v'].flatMap((target) => {
        const { data } = own.get(`model.layers.0.self_attn.${target}_proj.weight`) as FileArray;
        return [...dequantise(quantise(data, bits))];
      });
      expect(actual).toEqual(expected);
      // The MLP's way back reads 10 columns, no whole group: it stays as it is.
      const products = nodes.filter(({ name }) => name.startsWith('/model/layers.0/mlp/down_proj'));
      expect(products.map(({ opType }) => opType)).toEqual(['MatMul']);
    },
  );

  it('decoderOnnx: a head size that the static form cannot rotate is refused', () => {
    const config = { ...CONFIG, headSize: 24 };
    expect(() => build({ kind: 'static', capacity: 8, tokens: 1 }, config)).toThrow(/Heads of size 24/);
    expect(() => build({ kind: 'portable' }, config)).not.toThrow();
  });
});
