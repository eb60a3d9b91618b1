// The state behind the quality panel against a hand-made worker.
import { describe, expect, it } from 'vitest';
import { QualityCheck, type QualityClient } from '../../src/app/state/quality-check.svelte';
import type { QualityReport, QualitySettings } from '../../src/protocol/quality';

const SETTINGS: QualitySettings = { modelId: 'm', similarity: 0.85, evalShare: 0.1, seed: 1, maxTokens: 64 };
const report = (samples: number) => ({ samples }) as QualityReport;

/** A check that waits after reading half. */
function waiting(): { client: QualityClient; go: () => void } {
  let go = (): void => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const client: QualityClient = {
    qualityReport: () => Promise.resolve(report(1)),
    async *checkQuality(_id, _settings, signal) {
      yield { type: 'progress', progress: { stage: 'reading', done: 2, total: 4 } };
      await gate;
      if (signal?.aborted === true) throw new DOMException('stopped', 'AbortError');
      yield { type: 'progress', progress: { stage: 'comparing', done: 1, total: 2 } };
      yield { type: 'report', report: report(2) };
    },
  };
  return { client, go };
}

describe('QualityCheck', () => {
  it('tells how far it is, and keeps the report', async () => {
    const { client, go } = waiting();
    const check = new QualityCheck(client, 'd');
    await check.load();
    expect(check.report?.samples).toBe(1);
    const running = check.run(SETTINGS);
    await expect.poll(() => check.share).toBe(0.25);
    expect(check.running).toBe(true);
    go();
    await running;
    expect([check.share, check.running, check.report?.samples]).toEqual([0.75, false, 2]);
  });

  it('stopped, it keeps the report before and says nothing', async () => {
    const { client, go } = waiting();
    const check = new QualityCheck(client, 'd');
    await check.load();
    const running = check.run(SETTINGS);
    await expect.poll(() => check.share).toBe(0.25);
    check.stop();
    expect(check.running).toBe(false);
    go();
    await running;
    expect(check.report?.samples).toBe(1);
  });

  it('a check that fails says why and can be run again', async () => {
    let fails = true;
    const client: QualityClient = {
      qualityReport: () => Promise.resolve(null),
      async *checkQuality() {
        await Promise.resolve();
        if (fails) throw new Error('the rows are gone');
        yield { type: 'report', report: report(3) };
      },
    };
    const check = new QualityCheck(client, 'd');
    await expect(check.run(SETTINGS)).rejects.toThrow('the rows are gone');
    expect(check.running).toBe(false);
    fails = false;
    await check.run(SETTINGS);
    expect(check.report?.samples).toBe(3);
  });
});
