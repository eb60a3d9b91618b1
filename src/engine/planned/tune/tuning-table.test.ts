import { describe, expect, it } from 'vitest';
import type { MatMulShape, MatMulVariant } from '../kernels/mat-mul-shape';
import { defaultVariant } from './default-variants';
import { matMulKey, TuningTable, TUNING_VERSION } from './tuning-table';

const shape: MatMulShape = {
  m: 512,
  n: 256,
  k: 128,
  transposeA: false,
  transposeB: true,
  scale: 1,
  plus: 'none',
  a: { start: 0, stride: 128 },
  b: { start: 0, stride: 128 },
  c: { start: 0, stride: 256 },
};
const variant: MatMulVariant = { kind: 'direct', rows: 4, columns: 4, workgroupSize: 64, splits: 1 };

describe('matMulKey', () => {
  it('another scale or place: the same work', () => {
    expect(matMulKey({ ...shape, scale: 3, c: { start: 4, stride: 512 } })).toBe(matMulKey(shape));
  });

  it('parts that four does not divide: other work', () => {
    expect(matMulKey({ ...shape, c: { start: 1, stride: 256 } })).not.toBe(matMulKey(shape));
  });
});

describe('TuningTable', () => {
  const table = new TuningTable([[matMulKey(shape), { variant, milliseconds: 2 }]]);

  it('written and read again: the same choices', () => {
    const json = JSON.stringify(table);
    const again = TuningTable.fromJSON(JSON.parse(json) as ReturnType<TuningTable['toJSON']>);
    expect(again.get(matMulKey(shape))).toEqual({ variant, milliseconds: 2 });
  });

  it('written by another version: empty', () => {
    expect(TuningTable.fromJSON({ ...table.toJSON(), version: TUNING_VERSION + 1 }).size).toBe(0);
  });

  it('variantOf: what was measured, else the default', () => {
    const target = { kind: 'discrete', subgroupLanes: 0 } as const;
    const variantOf = table.variantOf(target);
    const other = { ...shape, m: 4096 };
    expect(variantOf(shape)).toEqual(variant);
    expect(variantOf(other)).toEqual(defaultVariant(other, target));
  });
});
