import { describe, expect, test } from 'vitest';
import type { ModelEstimate, StorageFit } from '../../protocol/engine';
import { fitOf, fitVerdict, storageNear } from './fit-verdict';

const fit = (storage: StorageFit['storage'], bytes: number, fits: boolean): StorageFit => ({
  storage,
  bytes,
  fits,
});
const estimate = (
  chat: StorageFit[],
  train: StorageFit[],
  limitBytes: number | null = 100,
): ModelEstimate => ({ parameters: 1, contextLength: 1, limitBytes, arrayLimitBytes: null, chat, train });

const CHAT = [fit('f32', 60, true), fit('f16', 40, true), fit('int8', 30, true), fit('int4', 20, true)];

describe('fit verdict', () => {
  test.each([
    ['both', 'f32', [fit('f32', 40, true)], [fit('f32', 90, true)]],
    ['few', 'int4', CHAT, [fit('f32', 150, false), fit('int4', 60, true)]],
    ['few', 'int8', CHAT, [fit('f32', 150, false), fit('int8', 80, true), fit('int4', 60, true)]],
    ['tight', 'int4', CHAT, [fit('f32', 150, false), fit('int8', 99, true), fit('int4', 95, true)]],
    ['chat', 'f32', [fit('f32', 90, true)], [fit('f32', 150, false)]],
    ['chat', 'int8', [fit('f32', 101, false), fit('int8', 70, true)], [fit('int8', 150, false)]],
    ['none', null, [fit('f32', 400, false), fit('int4', 101, false)], [fit('f32', 900, false)]],
  ] as const)('fit verdict: %s in %s', (key, storage, chat, train) => {
    expect(fitVerdict(estimate([...chat], [...train]))).toMatchObject({ key, storage });
  });

  test('fit verdict: a storage that trains and does not chat is not one that both do', () => {
    const chat = [fit('f32', 101, false), fit('int4', 20, true)];
    const verdict = fitVerdict(estimate(chat, [fit('f32', 90, true), fit('int4', 50, true)]));
    expect(verdict).toMatchObject({ key: 'few', storage: 'int4' });
  });

  test('fit verdict: a device that does not say what it has gets a number, not a promise', () => {
    const answer = fitVerdict(
      estimate([fit('f32', 40, true), fit('int4', 9, true)], [fit('f32', 90, true)], null),
    );
    expect(answer).toEqual({ key: 'needs', canChat: true, canTrain: true, storage: null, chatBytes: 9 });
  });

  test('fit verdict: arrays that are too large count without a limit too', () => {
    const large = [fit('f32', 40, false)];
    expect(fitVerdict(estimate(large, large, null)).key).toBe('none');
    expect(fitVerdict(estimate([fit('f32', 40, true)], large, null)).key).toBe('chat');
  });

  test('fit verdict: a file is counted in the storage nearest to its own, or in what there is', () => {
    const all = estimate(CHAT, []);
    expect(['Q4_K_M', 'Q8_0', 'BF16', 'F32', null].map((name) => storageNear(all, name))).toEqual([
      'int4',
      'int8',
      'f16',
      'f32',
      'f32',
    ]);
    const eager = estimate([fit('f32', 4, true)], []);
    expect(storageNear(eager, 'Q4_K_M')).toBe('f32');
    expect(fitOf(eager.chat, 'f32')?.bytes).toBe(4);
    expect(fitOf(eager.chat, 'int4')).toBeNull();
  });
});
