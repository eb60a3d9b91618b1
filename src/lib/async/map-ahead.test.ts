import { describe, expect, test } from 'vitest';
import { nextEventTurn } from './event-turn';
import { mapAhead } from './map-ahead';

describe('mapAhead', () => {
  test('map ahead: results in order, whichever is done first, and never more under way than asked', async () => {
    let underWay = 0;
    let most = 0;
    const work = async (item: number): Promise<number> => {
      most = Math.max(most, ++underWay);
      for (let turn = item; turn < 6; turn++) await nextEventTurn();
      underWay -= 1;
      return item * 10;
    };
    const results: number[] = [];
    for await (const result of mapAhead([1, 2, 3, 4, 5], 3, work)) results.push(result);
    expect(results).toEqual([10, 20, 30, 40, 50]);
    expect(most).toBe(3);
  });

  test('map ahead: the first result comes while the source goes on', async () => {
    let taken = 0;
    function* endless(): Generator<number> {
      for (;;) yield taken++;
    }
    const results = mapAhead(endless(), 4, (item) => Promise.resolve(item));
    expect((await results.next()).value).toBe(0);
    expect(taken).toBe(4);
    await results.return(undefined);
    expect(taken).toBe(4);
  });

  test('map ahead: a failure arrives in its turn', async () => {
    const results = mapAhead([1, 2, 3], 3, (item) =>
      item === 2 ? Promise.reject(new Error('no')) : Promise.resolve(item),
    );
    expect((await results.next()).value).toBe(1);
    await expect(results.next()).rejects.toThrow('no');
  });
});
