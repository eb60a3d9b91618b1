import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MatMulShape, MatMulVariant } from '../../src/engine/planned/kernels/mat-mul';
import type { PlanDevice } from '../../src/engine/planned/plan-device';
import { isPossible, rankVariants, tune } from '../../src/engine/planned/tune/autotune';
import { candidateVariants } from '../../src/engine/planned/tune/default-variants';
import { MatMulTrial } from '../../src/engine/planned/tune/mat-mul-trial';
import { matMulKey, TuningTable } from '../../src/engine/planned/tune/tuning-table';
import { ownPlanDevice } from './planned-fixture';

const shape: MatMulShape = {
  m: 40,
  n: 24,
  k: 64,
  transposeA: false,
  transposeB: true,
  scale: 2,
  plus: 'result',
  a: { start: 0, stride: 64 },
  b: { start: 0, stride: 64 },
  c: { start: 0, stride: 24 },
};
const small: MatMulVariant = { kind: 'direct', rows: 4, columns: 4, workgroupSize: 4, splits: 1 };
const impossible: MatMulVariant = {
  kind: 'shared',
  tileRows: 512,
  tileColumns: 512,
  depth: 16,
  rows: 4,
  columns: 4,
  splits: 1,
};

let device: PlanDevice;
beforeAll(async () => {
  device = await ownPlanDevice();
});
afterAll(() => device.dispose());

describe('rankVariants', () => {
  it('variants of one shape: those that are right and possible, fastest first', async () => {
    const ranked = await rankVariants(device, shape, [small, { ...small, splits: 2 }, impossible], 1);
    expect(ranked).toHaveLength(2);
    expect(ranked[0]?.milliseconds).toBeLessThanOrEqual(ranked[1]?.milliseconds ?? 0);
    expect(ranked[0]?.milliseconds).toBeGreaterThan(0);
  });

  it('a variant beyond the limits: not possible', () => {
    expect(isPossible(impossible, device.device.limits, 0)).toBe(false);
    expect(isPossible(small, device.device.limits, 0)).toBe(true);
  });

  it('afterwards: no memory is kept', async () => {
    await rankVariants(device, shape, [small], 1);
    const before = device.memory.bytes;
    await rankVariants(device, shape, [small], 1);
    expect(device.memory.bytes).toBe(before);
  });
});

describe('MatMulTrial', () => {
  it('a plan of two products that add up: not the numbers of one', async () => {
    const trial = await MatMulTrial.open(device, shape);
    const [once, twice] = [await trial.plan(small), await trial.plan(small, 2)];
    expect(await trial.isRight(once)).toBe(true);
    expect(await trial.isRight(twice)).toBe(false);
    once.dispose();
    twice.dispose();
    trial.dispose();
  });
});

describe('candidateVariants', () => {
  it('for GPUs, those this device can run: all are right', async () => {
    const large = { ...shape, m: 132, n: 136, k: 260 };
    const square: MatMulShape = {
      ...large,
      a: { start: 0, stride: 260 },
      b: { start: 0, stride: 260 },
      c: { start: 0, stride: 136 },
    };
    const candidates = candidateVariants(square, {
      kind: 'discrete',
      subgroupLanes: device.target.subgroupLanes,
    }).filter((variant) => isPossible(variant, device.device.limits, device.target.subgroupLanes));
    expect(await rankVariants(device, square, candidates, 1)).toHaveLength(candidates.length);
    expect(candidates.length).toBeGreaterThan(5);
  });
});

describe('tune', () => {
  it('shapes the table knows: left alone; others: a candidate is kept', async () => {
    const known = { ...shape, m: 41 };
    const table = new TuningTable([[matMulKey(known), { variant: small, milliseconds: 1 }]]);
    const row = { ...shape, m: 1 };
    expect(await tune(device, [known, row], table)).toBe(1);
    expect(table.get(matMulKey(known))?.milliseconds).toBe(1);
    expect(candidateVariants(row, device.target)).toContainEqual(table.get(matMulKey(row))?.variant);
  });
});
