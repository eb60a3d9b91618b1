import { describe, expect, it } from 'vitest';
import type { BackendName, DeviceReport } from '../protocol/engine';
import { ChatDevice } from './chat-device';

const RUNTIME = { threads: 2 };

function deviceOn(backend: BackendName) {
  const report: DeviceReport = {
    backend,
    choice: 'auto',
    reason: 'Because.',
    executor: 'eager',
    adapter: null,
    measuredGflops: {},
  };
  return {
    select: (choice: DeviceReport['choice']) => {
      if (choice !== 'auto') report.backend = choice;
      return Promise.resolve(report);
    },
    describe: () => report,
    memory: () => ({ tensors: 0, bytes: 0 }),
  };
}

function chatDevice(backend: BackendName, relativeError = 0, start = () => Promise.resolve(RUNTIME)) {
  const log = { starts: 0 };
  const device = new ChatDevice({
    device: deviceOn(backend),
    start: () => {
      log.starts += 1;
      return start();
    },
    selfTest: () =>
      Promise.resolve([{ name: 'decoding', relativeError, tolerance: 1e-4, passed: relativeError <= 1e-4 }]),
  });
  return { device, log };
}

describe('ChatDevice', () => {
  it('ChatDevice: with WebGPU nothing is loaded and nothing is said', async () => {
    const { device, log } = chatDevice('webgpu');
    expect(await device.select('auto')).not.toHaveProperty('chat');
    expect(log.starts).toBe(0);
    expect(device.runtime).toBeNull();
  });

  it.each(['wasm', 'cpu'] as const)('ChatDevice: on %s, proven once, with its threads', async (backend) => {
    const { device, log } = chatDevice(backend);
    await device.select('auto');
    expect((await device.select('auto')).chat).toEqual({ executor: 'onnxruntime', threads: 2 });
    expect(device.runtime).toBe(RUNTIME);
    expect(log.starts).toBe(1);
  });

  it('ChatDevice: what computes wrong is not used, and the report says by how much', async () => {
    const { device } = chatDevice('wasm', 0.5);
    expect((await device.select('auto')).chat).toEqual({
      executor: 'eager',
      reason: 'decoding is off by 5.0e-1',
    });
    expect(device.runtime).toBeNull();
  });

  it('ChatDevice: what does not load is not used, and the report says why', async () => {
    const { device } = chatDevice('wasm', 0, () => Promise.reject(new Error('no such file')));
    expect((await device.select('auto')).chat).toEqual({ executor: 'eager', reason: 'no such file' });
    expect(device.runtime).toBeNull();
  });

  it('ChatDevice: back on WebGPU it is not used any more', async () => {
    const { device } = chatDevice('wasm');
    await device.select('auto');
    expect(await device.select('webgpu')).not.toHaveProperty('chat');
    expect(device.runtime).toBeNull();
  });
});
