import 'fake-indexeddb/auto';
import { describe, expect, it, vi } from 'vitest';
import { openDatabase, type Database } from '../core/database';
import type { RunMetricRow } from '../protocol/training';
import { MetricLog } from './metric-log';

let names = 0;
const open = (): Promise<Database> => openDatabase(`metrics-${(names += 1)}`);
const row = (runId: string, step: number, loss = 1): RunMetricRow => ({
  kind: 'step',
  runId,
  step,
  totalSteps: 50,
  epoch: 0,
  loss,
  learningRate: 0.1,
  gradNorm: 1,
  tokensPerSecond: 1,
  memoryBytes: 1,
  elapsedSeconds: step,
  remainingSeconds: null,
});

describe('MetricLog', () => {
  it('batches: asks to be flushed after 20 rows or two seconds', async () => {
    let now = 0;
    const log = new MetricLog(await open(), 'run', () => now);
    const due = Array.from({ length: 20 }, (_, index) => log.add(row('run', index + 1)));
    expect(due.indexOf(true)).toBe(19);
    await log.flush();
    expect(log.pending).toBe(0);
    now = 2000;
    expect(log.add(row('run', 21))).toBe(true);
  });

  it('a full disk: keeps the rows and writes them later', async () => {
    vi.stubGlobal('navigator', {});
    const database = await open();
    let full = true;
    const guarded = new Proxy(database, {
      get: (target, name) => {
        if (name === 'transaction' && full) {
          return () => {
            throw new DOMException('full', 'QuotaExceededError');
          };
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const log = new MetricLog(guarded, 'run');
    log.add(row('run', 1));
    await expect(log.flush()).rejects.toMatchObject({ code: 'storage.quota' });
    expect(log.pending).toBe(1);
    full = false;
    log.add(row('run', 2));
    await log.flush();
    expect((await database.getAll('runMetrics')).map(({ step }) => step)).toEqual([1, 2]);
  });

  it('dropAfter and removeAll: touch only that run', async () => {
    const database = await open();
    const log = new MetricLog(database, 'run');
    for (const step of [1, 2, 3]) log.add(row('run', step));
    log.add(row('other', 3));
    await log.flush();
    await log.dropAfter(2);
    expect((await database.getAllKeys('runMetrics')).map(([runId, , step]) => [runId, step])).toEqual([
      ['other', 3],
      ['run', 1],
      ['run', 2],
    ]);
    await log.removeAll();
    expect(await database.count('runMetrics')).toBe(1);
  });
});
