import { afterEach, describe, expect, it } from 'vitest';
import { EngineDevice, tensorMemory } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import { runSelfTest } from '../../src/models/self-test';
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
});
