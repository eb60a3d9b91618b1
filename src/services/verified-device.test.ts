import { describe, expect, it } from 'vitest';
import type { DeviceReport, SelfTestReport } from '../protocol/engine';
import { VerifiedDevice, type PlannedDevice } from './verified-device';

const REPORT: DeviceReport = {
  backend: 'webgpu',
  choice: 'auto',
  reason: 'WebGPU is the faster one here.',
  executor: 'planned',
  adapter: null,
  measuredGflops: {},
};

function deviceWith(plans: string | null): PlannedDevice<string> & { refused: string | null } {
  return {
    plans,
    refused: null,
    select: () => Promise.resolve(REPORT),
    describe: () => REPORT,
    memory: () => ({ tensors: 0, bytes: 0 }),
    refusePlans(reason) {
      this.refused = reason;
      return { ...REPORT, executor: 'eager', reason };
    },
  };
}

const result = (relativeError: number): SelfTestReport => ({
  backend: 'webgpu',
  passed: relativeError < 1e-4,
  checks: [{ name: 'planned full: loss', relativeError, tolerance: 1e-4, passed: relativeError < 1e-4 }],
});

const verified = (device: PlannedDevice<string>, selfTest: (plans: string) => Promise<SelfTestReport>) =>
  new VerifiedDevice({ device, database: null, build: '1', selfTest, restore: () => Promise.resolve() });

describe('VerifiedDevice', () => {
  it('select: plans that compute right are used', async () => {
    const device = deviceWith('plans');
    const report = await verified(device, () => Promise.resolve(result(1e-6))).select('auto');
    expect(report.executor).toBe('planned');
    expect(device.refused).toBeNull();
  });

  it('select: plans that compute wrong are refused, with the check that failed', async () => {
    const device = deviceWith('plans');
    const report = await verified(device, () => Promise.resolve(result(0.2))).select('auto');
    expect(report.executor).toBe('eager');
    expect(device.refused).toBe('1 of 1 checks failed, first planned full: loss (off by 2.0e-1)');
  });

  it('select: a kernel that does not compile refuses the plans', async () => {
    const device = deviceWith('plans');
    await verified(device, () => Promise.reject(new Error('rope did not compile'))).select('auto');
    expect(device.refused).toBe('rope did not compile');
  });

  it('select: without plans nothing is tested', async () => {
    const report = await verified(deviceWith(null), () => Promise.reject(new Error('asked'))).select('wasm');
    expect(report).toBe(REPORT);
  });
});
