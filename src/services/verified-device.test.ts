import { describe, expect, it } from 'vitest';
import type { Database } from '../core/database';
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

class Ledger {
  readonly setAside = new Map<string, string>();
  drop(name: string, reason: string): void {
    this.setAside.set(name, reason);
  }
}

/** @param suspects are set aside one after another, each for one test. */
const verified = (
  device: PlannedDevice<string>,
  selfTest: (plans: string) => Promise<SelfTestReport>,
  {
    ledger = new Ledger(),
    suspects = [],
    database = null,
  }: { ledger?: Ledger; suspects?: string[]; database?: Database | null } = {},
) =>
  new VerifiedDevice({
    ...{ device, database, build: '1', selfTest, restore: () => Promise.resolve() },
    async *fallbacks() {
      for (const name of suspects) {
        ledger.drop(name, 'suspected');
        yield await Promise.resolve();
        ledger.setAside.delete(name);
      }
    },
    variants: () => ledger,
  });

/** Of the one store that is asked for. */
function memoryDatabase(): Database {
  const documents = new Map<unknown, unknown>();
  const store = {
    get: (_: string, key: unknown) => Promise.resolve(documents.get(key)),
    put: (_: string, value: unknown, key: unknown) => Promise.resolve(void documents.set(key, value)),
  };
  return store as unknown as Database;
}

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

  it('select: a wrong variant is set aside and named, the plans go on, and the next start knows', async () => {
    const [device, ledger, database] = [deviceWith('plans'), new Ledger(), memoryDatabase()];
    let tests = 0;
    const selfTest = () => {
      tests += 1;
      return Promise.resolve(result(ledger.setAside.has('second') ? 1e-6 : 0.2));
    };
    const options = { ledger, database, suspects: ['first', 'second', 'third'] };
    const report = await verified(device, selfTest, options).select('auto');
    expect(report.executor).toBe('planned');
    expect(report.setAsideVariants).toEqual({ second: 'suspected' });
    expect(tests).toBe(3);
    const later = new Ledger();
    const again = await verified(device, selfTest, { ledger: later, database }).select('auto');
    expect(again.setAsideVariants).toEqual({ second: 'suspected' });
    expect(tests).toBe(3);
  });

  it('select: where no variant helps, the plans are refused for what was wrong at first', async () => {
    const device = deviceWith('plans');
    const report = await verified(device, () => Promise.resolve(result(0.2)), { suspects: ['a'] }).select(
      'auto',
    );
    expect(report.executor).toBe('eager');
    expect(device.refused).toBe('1 of 1 checks failed, first planned full: loss (off by 2.0e-1)');
  });

  it('select: without plans nothing is tested', async () => {
    const report = await verified(deviceWith(null), () => Promise.reject(new Error('asked'))).select('wasm');
    expect(report).toBe(REPORT);
  });
});
