import { afterEach, describe, expect, it } from 'vitest';
import { EngineDevice, tensorMemory } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import {
  compareGradients,
  computeGradients,
  referenceOf,
  runSelfTest,
  SELF_TEST_CONFIG,
  selfTestBatch,
  selfTestWeights,
} from '../../src/models/self-test';
import type { BackendName } from '../../src/protocol/engine';

describe.each<BackendName>(['webgpu', 'wasm'])('self-test in the browser on %s', (backend) => {
  const device = new EngineDevice({ wasmPaths: wasmUrls, gpu: navigator.gpu });
  let tensors = 0;
  afterEach(() => {
    expect(tensorMemory().tensors).toBe(tensors);
  });

  it('runSelfTest: loss, gradients and cached decoding agree with the reference', async () => {
    const report = await device.select(backend);
    expect(report.backend).toBe(backend);
    ({ tensors } = tensorMemory());
    const { checks, passed } = await runSelfTest(backend);
    expect(checks.filter((check) => !check.passed)).toEqual([]);
    expect(passed).toBe(true);
  });

  it('compareGradients: a slightly wrong rotation base is caught (negative control)', async () => {
    await device.select(backend);
    const weights = selfTestWeights(SELF_TEST_CONFIG, false);
    const batch = selfTestBatch();
    const wrong = await computeGradients({ ...SELF_TEST_CONFIG, ropeTheta: 8_000 }, weights, batch, 0);
    const checks = compareGradients(wrong, referenceOf(SELF_TEST_CONFIG, weights, batch));
    const failed = checks.filter(({ passed }) => !passed).map(({ name }) => name);
    expect(failed).toContain('loss');
    expect(failed).toContain('gradient of model.layers.0.self_attn.q_proj.weight');
  });
});
