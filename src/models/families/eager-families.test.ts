import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineDevice, relativeError, tensorMemory } from '../../engine';
import { EagerRuntime } from '../decoder/eager/eager-runtime';
import type { FileArray } from '../file-layout';
import { logitsAfter } from '../planned-self-test';
import type { ModelFamily } from '../../protocol/models';
import {
  checkDecoding,
  checkGradients,
  compareGradients,
  computeGradients,
  referenceOf,
  selfTestBatch,
  selfTestWeights,
} from '../self-test';
import { TINY_DECODERS } from '../testing/tiny-decoders';

const device = new EngineDevice({ wasmPaths: null, gpu: null });
const FAMILIES = Object.keys(TINY_DECODERS) as ModelFamily[];

describe.each(FAMILIES)('eager %s', (family) => {
  const config = TINY_DECODERS[family];
  let tensors = 0;
  beforeEach(async () => {
    await device.select('cpu');
    ({ tensors } = tensorMemory());
  });
  afterEach(() => {
    expect(tensorMemory().tensors).toBe(tensors);
  });

  it('full: loss, every gradient and cached decoding of the reference', async () => {
    const weights = selfTestWeights(config, false);
    const checks = await checkGradients(config, weights, selfTestBatch(), 0);
    checks.push(await checkDecoding(config, weights));
    expect(checks).toHaveLength(weights.size + 2);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
  });

  it('LoRA: loss, every gradient and cached decoding of the reference', async () => {
    const weights = selfTestWeights(config, true);
    const checks = await checkGradients(config, weights, selfTestBatch(), 1e9);
    checks.push(await checkDecoding(config, weights));
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
  });
});

describe('eager gpt2', () => {
  it('a piece that is filled up beyond the last position reads no position that is not there', async () => {
    await device.select('cpu');
    const config = TINY_DECODERS.gpt2;
    const weights = selfTestWeights(config, false);
    const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
    const runtime = await EagerRuntime.load(config, read, 0);
    const session = runtime.createSession(null);
    const tokens = Array.from({ length: config.contextLength }, (_, i) => (i * 7 + 3) % config.vocabSize);
    await session.feed(tokens.slice(0, -3));
    const last = await session.feed(tokens.slice(-3));
    expect(relativeError(last, logitsAfter(config, weights, tokens))).toBeLessThan(1e-4);
    session.dispose();
    runtime.dispose();
  });
});

// A GPT-2 has not the weights of a Llama.
describe.each(FAMILIES.filter((family) => !['llama', 'gpt2'].includes(family)))('eager %s', (family) => {
  it('negative control: computed as a Llama, it is caught', async () => {
    await device.select('cpu');
    const config = TINY_DECODERS[family];
    const weights = selfTestWeights(config, false);
    const plain = { ...config, slidingWindow: null, traits: {} };
    const unbiased = new Map([...weights].filter(([name]) => !name.endsWith('.bias')));
    const computed = await computeGradients(plain, unbiased, selfTestBatch(), 0);
    const [loss] = compareGradients(computed, referenceOf(config, weights, selfTestBatch()));
    expect(loss).toMatchObject({ name: 'loss', passed: false });
  });
});
