import { describe, expect, it } from 'vitest';
import { EngineDevice } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';

describe('EngineDevice', () => {
  it('EngineDevice: a software adapter is no GPU: auto measures both and says why', async () => {
    const device = new EngineDevice({ wasmPaths: wasmUrls, gpu: navigator.gpu });
    const report = await device.select('auto');
    expect(report.adapter?.software).toBe(true);
    expect(report.measuredGflops.webgpu).toBeGreaterThan(0);
    expect(report.measuredGflops.wasm).toBeGreaterThan(0);
    expect(report.backend).toBe('wasm');
    expect(report.reason).toMatch(/software.*WebGPU.*WebAssembly/);
  });

  it('EngineDevice: without WebGPU it runs on WebAssembly, and says so', async () => {
    const device = new EngineDevice({ wasmPaths: wasmUrls, gpu: null });
    const report = await device.select('webgpu');
    expect(report.backend).toBe('wasm');
    expect(report.reason).toMatch(/WebGPU was chosen but did not start here/);
    expect(report.adapter).toBeNull();
  });
});
