import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineDevice, tensorMemory } from '../engine';
import type { BackendName } from '../protocol/engine';
import {
  checkDecoding,
  checkGradients,
  compareGradients,
  computeGradients,
  referenceOf,
  runSelfTest,
  SELF_TEST_CONFIG,
  SELF_TEST_LORA,
  selfTestBatch,
  selfTestWeights,
} from './self-test';

const device = new EngineDevice({ wasmPaths: null, gpu: null });

describe.each<BackendName>(['wasm', 'cpu'])('self-test on %s', (backend) => {
  let tensors = 0;
  beforeEach(async () => {
    await device.select(backend);
    ({ tensors } = tensorMemory());
  });
  afterEach(() => {
    expect(tensorMemory().tensors).toBe(tensors);
  });

  it('runSelfTest: loss, gradients of base and adapter, and cached decoding agree with the reference', async () => {
    const report = await runSelfTest(backend);
    expect(report.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(report.passed).toBe(true);
    // 2 layers of 9 weights, 10 pairs of LoRA matrices, embedding, norm and head, the loss and the decoding.
    expect(report.checks).toHaveLength(2 * 9 + 2 * 10 + 3 + 2);
  });

  it('checkGradients: kept activations give the same as recomputed ones, with a tied head', async () => {
    const config = { ...SELF_TEST_CONFIG, tiedHead: true };
    const checks = await checkGradients(config, selfTestWeights(config, false), selfTestBatch(), 1e9);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
  });

  it.each([
    { useRslora: true, useDora: false },
    { useRslora: false, useDora: true },
    { useRslora: true, useDora: true },
  ])('checkGradients, checkDecoding: adapters with %o', async (variant) => {
    const lora = { ...SELF_TEST_LORA, ...variant };
    const weights = selfTestWeights(SELF_TEST_CONFIG, true, lora);
    const checks = await checkGradients(SELF_TEST_CONFIG, weights, selfTestBatch(), 0, lora);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    // 10 pairs of matrices, each with its magnitudes.
    const adapted = checks.filter(({ name }) => name.includes('lora_'));
    expect(adapted).toHaveLength(variant.useDora ? 30 : 20);
    expect(await checkDecoding(SELF_TEST_CONFIG, weights, lora)).toMatchObject({ passed: true });
    // Negative control: the same weights scaled the other way.
    const other = { ...lora, useRslora: !lora.useRslora };
    const reference = referenceOf(SELF_TEST_CONFIG, weights, selfTestBatch(), lora);
    const computed = await computeGradients(SELF_TEST_CONFIG, weights, selfTestBatch(), 0, other);
    expect(compareGradients(computed, reference)[0]).toMatchObject({ name: 'loss', passed: false });
  });

  it('checkGradients, checkDecoding: a sliding window over packed samples', async () => {
    const config = { ...SELF_TEST_CONFIG, slidingWindow: 3 };
    const weights = selfTestWeights(config, false);
    const checks = await checkGradients(config, weights, selfTestBatch(), 0);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(await checkDecoding(config, weights)).toMatchObject({ passed: true });
    // Negative control: another window.
    const reference = referenceOf({ ...config, slidingWindow: 4 }, weights, selfTestBatch());
    const computed = await computeGradients(config, weights, selfTestBatch(), 0);
    expect(compareGradients(computed, reference)[0]).toMatchObject({ name: 'loss', passed: false });
  });

  it('compareGradients: a slightly wrong rotation base fails the loss and the gradients (negative control)', async () => {
    const weights = selfTestWeights(SELF_TEST_CONFIG, false);
    const batch = selfTestBatch();
    const wrong = await computeGradients({ ...SELF_TEST_CONFIG, ropeTheta: 8_000 }, weights, batch, 0);
    const checks = compareGradients(wrong, referenceOf(SELF_TEST_CONFIG, weights, batch));
    const failed = checks.filter(({ passed }) => !passed).map(({ name }) => name);
    expect(failed).toContain('loss');
    expect(failed).toContain('gradient of model.layers.0.self_attn.q_proj.weight');
  });

  it('checkDecoding: with a tied head too', async () => {
    const config = { ...SELF_TEST_CONFIG, tiedHead: true };
    expect(await checkDecoding(config, selfTestWeights(config, true))).toMatchObject({ passed: true });
  });
});
