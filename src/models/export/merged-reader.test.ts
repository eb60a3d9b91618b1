import { beforeAll, describe, expect, it } from 'vitest';
import { EngineDevice, relativeError } from '../../engine';
import { Random } from '../../lib/random';
import type { LoraConfig } from '../../protocol/models';
import { adapterShapes } from '../decoder/decoder-names';
import { EagerRuntime } from '../decoder/eager/eager-runtime';
import type { FileArray, WeightReader } from '../file-layout';
import { ACTIVATION_BUDGET_BYTES } from '../memory-budget';
import { SELF_TEST_CONFIG as CONFIG, selfTestWeights } from '../self-test';
import { mergedReader } from './merged-reader';

const TOKENS = [3, 1, 4, 1, 5, 9, 2, 6];
const LORA: LoraConfig = { rank: 3, alpha: 5, dropout: 0, targets: ['q', 'v', 'o', 'gate', 'down'] };
const VARIANTS: [string, Partial<LoraConfig>][] = [
  ['LoRA', {}],
  ['rsLoRA', { useRslora: true }],
  ['DoRA', { useDora: true }],
  ['DoRA with the rank-stabilised scale', { useDora: true, useRslora: true }],
];

const weights = selfTestWeights(CONFIG, false);
const whole: WeightReader = (name) => Promise.resolve(weights.get(name) as FileArray);
/** Gives the rows asked for and no others. */
const byRows: WeightReader = (name, rows) => {
  const { shape, data } = weights.get(name) as FileArray;
  if (rows === undefined) return Promise.resolve({ shape, data });
  const width = shape[1] ?? 1;
  const part = data.slice(rows.first * width, (rows.first + rows.count) * width);
  return Promise.resolve({ shape: [rows.count, ...shape.slice(1)], data: part });
};

function arraysOf(lora: LoraConfig): Map<string, FileArray> {
  const random = new Random(5);
  return new Map(
    [...adapterShapes(CONFIG, lora)].map(([name, shape]) => {
      const size = shape.reduce((product, n) => product * n, 1);
      const length = name.endsWith('magnitude_vector') ? 1 : 0;
      return [
        name,
        { shape, data: Float32Array.from({ length: size }, () => length + 0.3 * random.normal()) },
      ];
    }),
  );
}

async function logitsOf(read: WeightReader, lora: LoraConfig | null): Promise<Float32Array> {
  const runtime = await EagerRuntime.load(CONFIG, read, ACTIVATION_BUDGET_BYTES);
  const adapter = lora === null ? null : await runtime.createAdapter(lora, arraysOf(lora));
  const session = runtime.createSession(adapter);
  const logits = await session.feed(TOKENS);
  session.dispose();
  adapter?.dispose();
  runtime.dispose();
  return logits;
}

beforeAll(async () => {
  await new EngineDevice({ wasmPaths: null, gpu: null }).select('cpu');
});

describe('mergedReader', () => {
  it.each(VARIANTS)('mergedReader: %s gives the logits of base and adapter', async (_, variant) => {
    const lora = { ...LORA, ...variant };
    const expected = Float64Array.from(await logitsOf(whole, lora));
    const merged = await logitsOf(mergedReader(whole, { lora, arrays: arraysOf(lora) }), null);
    expect(relativeError(merged, expected)).toBeLessThan(1e-4);
    expect(relativeError(await logitsOf(whole, null), expected)).toBeGreaterThan(1e-2);
  });

  it.each(VARIANTS)('mergedReader: %s, rows alone are those of the whole', async (_, variant) => {
    const lora = { ...LORA, ...variant };
    const name = 'model.layers.1.self_attn.q_proj.weight';
    const adapter = { lora, arrays: arraysOf(lora) };
    const { data } = await mergedReader(whole, adapter)(name);
    const rows = { first: 7, count: 5 };
    const part = await mergedReader(byRows, adapter)(name, rows);
    expect(part).toEqual({ shape: [5, 12], data: data.slice(7 * 12, 12 * 12) });
    expect((await mergedReader(whole, adapter)(name, rows)).data).toEqual(data);
  });

  it('mergedReader: weights without a side path are the base’s own, and the base is not written to', async () => {
    const adapter = { lora: LORA, arrays: arraysOf(LORA) };
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const before = weights.get(name)?.data.slice();
    await mergedReader(whole, adapter)(name);
    expect(weights.get(name)?.data).toEqual(before);
    const untouched = 'model.layers.0.self_attn.k_proj.weight';
    expect(await mergedReader(whole, adapter)(untouched)).toBe(weights.get(untouched));
  });
});
