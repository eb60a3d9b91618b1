import { describe, expect, it } from 'vitest';
import { externalValue, Recorder, SOFTWARE_TRAITS } from '../recorder';
import { matMul } from './mat-mul';

function dispatchesOf(m: number, dispatchFlops: number) {
  const recorder = new Recorder({ ...SOFTWARE_TRAITS, dispatchFlops });
  const [n, k] = [64, 32];
  const [a, b] = [externalValue('a', [m, k]), externalValue('b', [k, n])];
  matMul(recorder, { a, b, c: externalValue('c', [m, n]) }, { m, n, k });
  return recorder.finish().dispatches;
}

describe('matMul', () => {
  it('within the limit of a dispatch: one', () => {
    expect(dispatchesOf(1000, 1e9)).toHaveLength(1);
  });

  it('beyond it: ranges of whole tiles, all rows once', () => {
    const flops = dispatchesOf(1000, 2 * 64 * 32 * 300).map(({ kernel }) => kernel.flops);
    expect(flops).toEqual([256, 256, 256, 232].map((rows) => 2 * 64 * 32 * rows));
  });

  it('a limit below one tile of rows: such tiles, none smaller', () => {
    expect(dispatchesOf(300, 1)).toHaveLength(3);
  });
});
