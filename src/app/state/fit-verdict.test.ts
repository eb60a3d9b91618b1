import { describe, expect, test } from 'vitest';
import type { ModelEstimate, StorageFit } from '../../protocol/engine';
import { chatFit, fitVerdict } from './fit-verdict';

const fit = (storage: StorageFit['storage'], bytes: number, fits: boolean): StorageFit => ({
  storage,
  bytes,
  fits,
});
const estimate = (
  chat: StorageFit[],
  train: StorageFit[],
  limitBytes: number | null = 100,
): ModelEstimate => ({ parameters: 1, contextLength: 1, limitBytes, chat, train });

describe('fit verdict', () => {
  test.each([
    ['both', [fit('f32', 40, true)], [fit('f32', 90, true)]],
    ['few', [fit('f32', 90, true)], [fit('f32', 150, false), fit('int4', 60, true)]],
    ['chat', [fit('f32', 90, true)], [fit('f32', 150, false)]],
    ['none', [fit('f32', 400, false), fit('int4', 101, false)], [fit('f32', 900, false)]],
  ] as const)('fit verdict: %s', (key, chat, train) => {
    expect(fitVerdict(estimate([...chat], [...train])).key).toBe(key);
  });

  test('fit verdict: a device that does not say what it has gets a number, not a promise', () => {
    const answer = fitVerdict(
      estimate([fit('f32', 40, true), fit('int4', 9, true)], [fit('f32', 90, true)], null),
    );
    expect(answer).toEqual({ key: 'needs', canChat: true, canTrain: true, chatBytes: 9 });
  });

  test('fit verdict: a file is counted in the storage nearest to its own, or in what there is', () => {
    const all = estimate(
      [fit('f32', 4, true), fit('f16', 3, true), fit('int8', 2, true), fit('int4', 1, true)],
      [],
    );
    expect(['Q4_K_M', 'Q8_0', 'BF16', 'F32', null].map((name) => chatFit(all, name)?.storage)).toEqual([
      'int4',
      'int8',
      'f16',
      'f32',
      'f32',
    ]);
    expect(chatFit(estimate([fit('f32', 4, true)], []), 'Q4_K_M')?.bytes).toBe(4);
  });
});
