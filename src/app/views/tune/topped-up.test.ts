import { describe, expect, it } from 'vitest';
import { toppedUpShares } from './topped-up';

const share = (datasetId: string, batches: number, toppedUp: number, draws = 1) => ({
  ...{ datasetId, batches, toppedUp, draws, rows: 9 },
});

describe('topped-up batches', () => {
  it('named where there are some, and chronic from a quarter of the batches on', () => {
    expect(toppedUpShares([share('a', 40, 0), share('b', 40, 9), share('c', 40, 10)])).toEqual([
      { datasetId: 'b', batches: 40, toppedUp: 9, chronic: false },
      { datasetId: 'c', batches: 40, toppedUp: 10, chronic: true },
    ]);
  });

  it('a dataset that is never drawn from is no matter', () => {
    expect(toppedUpShares([share('a', 4, 4, 0)])).toEqual([]);
  });
});
