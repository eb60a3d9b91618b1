import { describe, expect, it } from 'vitest';
import type { MatMulVariant } from '../../src/engine/planned/kernels/mat-mul';
import { relativeError } from '../../src/engine/reference/compare';
import { matMul } from '../../src/engine/planned/kernels/mat-mul';
import { EVERY, inTurn } from '../support/case-choice';
import { partsError, product, productError, type Case } from './planned-mat-mul-cases';
import { draws, planDevice, run } from './planned-fixture';

const VARIANTS: Record<string, MatMulVariant | null> = {
  default: null,
  direct: { kind: 'direct', rows: 8, columns: 8, workgroupSize: 4, splits: 1 },
  'direct, in parts': { kind: 'direct', rows: 4, columns: 8, workgroupSize: 4, splits: 3 },
  shared: { kind: 'shared', tileRows: 16, tileColumns: 16, depth: 8, rows: 4, columns: 2, splits: 1 },
  'shared, in parts': {
    kind: 'shared',
    tileRows: 16,
    tileColumns: 8,
    depth: 4,
    rows: 2,
    columns: 2,
    splits: 2,
  },
};
const VECTORS = [
  { turn: 0, lanes: 1, columns: 4 },
  { turn: 1, lanes: 1, columns: 16 },
  { turn: 2, lanes: 1, columns: 32 },
  { turn: 3, lanes: 8, columns: 4 },
  { turn: 4, lanes: 4, columns: 8 },
];
const VECTOR_SIZES = [
  { m: 1, n: 36, k: 100 },
  { m: 8, n: 8, k: 8 },
  { m: 3, n: 5, k: 71 },
];
const SUBGROUP_SIZES = [
  { m: 32, n: 32, k: 24 },
  { m: 20, n: 12, k: 40 },
  { m: 36, n: 68, k: 64 },
];
const TRANSPOSES = [
  { transposeA: false, transposeB: false },
  { transposeA: false, transposeB: true },
  { transposeA: true, transposeB: false },
  { transposeA: true, transposeB: true },
];
/** Sizes that fill tiles, that do not, and that four does not divide. */
const SIZES = [
  { m: 32, n: 16, k: 24 },
  { m: 20, n: 12, k: 40 },
  { m: 33, n: 17, k: 21 },
  { m: 3, n: 2, k: 1 },
];
/** Rounding of sums of some ten 32-bit products. */
const EXACT = 1e-6;

const numbered = <T>(entries: readonly (readonly [string, T])[]): [string, T, number][] =>
  entries.map(([name, value], turn) => [name, value, turn]);

/** Parts are tried with one way to transpose for each variant, and with each way by some variant. */
const isTurnOf = (at: number, turn: number): boolean => EVERY || at === turn % TRANSPOSES.length;

describe.each(numbered(Object.entries(VARIANTS)))('matMul, %s', (_, variant, turn) => {
  for (const [at, transposes] of TRANSPOSES.entries()) {
    const form = `${transposes.transposeA ? 't' : 'n'}${transposes.transposeB ? 't' : 'n'}`;
    it.each(inTurn(SIZES, turn + at))(`$m x $n x $k ${form}: the product`, async (size) => {
      expect(await productError({ size, ...transposes }, variant)).toBeLessThan(EXACT);
    });

    if (!isTurnOf(at, turn)) continue;
    it(`parts of wider matrices, residual, scale and result ${form}: each counts once`, async () => {
      expect(await partsError({ size: { m: 12, n: 20, k: 8 }, ...transposes }, variant)).toBeLessThan(EXACT);
    });
  }
});

describe('matMul, more than one dispatch may do', () => {
  it.each([true, false])('transposed A %s: ranges of rows make the same product', async (transposeA) => {
    const { dispatchFlops } = (await planDevice()).traits;
    const side = Math.ceil(Math.sqrt(dispatchFlops / 256) / 4) * 4;
    const size = { m: 300, n: side, k: side };
    expect(await productError({ size, transposeA, transposeB: true }, null)).toBeLessThan(EXACT);
  });
});

const { subgroupLanes: lanes } = (await planDevice()).target;
describe.runIf(lanes >= 4).each([
  { turn: 0, rows: 16, columns: 8, workgroupSize: lanes, splits: 1 },
  { turn: 1, rows: 32, columns: 4, workgroupSize: 2 * lanes, splits: 1 },
  { turn: 2, rows: 32, columns: 8, workgroupSize: lanes, splits: 3 },
])('matMul, subgroups, $rows x $columns, $workgroupSize lanes, $splits parts', ({ turn, ...sizes }) => {
  const variant: MatMulVariant = { kind: 'subgroup', ...sizes, lanes };
  for (const [at, transposes] of TRANSPOSES.entries()) {
    const form = `${transposes.transposeA ? 't' : 'n'}${transposes.transposeB ? 't' : 'n'}`;
    it.each(inTurn(SUBGROUP_SIZES, turn + at))(`$m x $n x $k ${form}: the product`, async (size) => {
      expect(await productError({ size, ...transposes }, variant)).toBeLessThan(EXACT);
    });

    if (!isTurnOf(at, turn)) continue;
    it(`parts of wider matrices, residual, scale and result ${form}: each counts once`, async () => {
      expect(await partsError({ size: { m: 12, n: 20, k: 8 }, ...transposes }, variant)).toBeLessThan(EXACT);
    });
  }
});

describe.each(VECTORS)('matMul, vectors, $lanes lanes, $columns columns', ({ turn, ...sizes }) => {
  const variant: MatMulVariant = { kind: 'vector', ...sizes, workgroupSize: 16 };
  for (const [at, transposes] of TRANSPOSES.entries()) {
    const form = `${transposes.transposeA ? 't' : 'n'}${transposes.transposeB ? 't' : 'n'}`;
    it.each(inTurn(VECTOR_SIZES, turn + at))(`$m x $n x $k ${form}: the product`, async (size) => {
      expect(await productError({ size, ...transposes }, variant)).toBeLessThan(EXACT);
    });
  }

  it('parts of wider matrices, residual, scale and result: each counts once', async () => {
    const test = { size: { m: 2, n: 20, k: 8 }, transposeA: false, transposeB: true };
    expect(await partsError(test, variant)).toBeLessThan(EXACT);
  });

  it('more rows than it is for: refused', async () => {
    const test = { size: { m: 9, n: 4, k: 4 }, ...TRANSPOSES[0] } as Case;
    await expect(productError(test, variant)).rejects.toThrow('at most 8 rows');
  });
});

describe('the gate', () => {
  it('a product that leaves out one step of k: does not pass', async () => {
    const test: Case = { size: { m: 16, n: 16, k: 40 }, transposeA: false, transposeB: false };
    const { m, n, k } = test.size;
    const [a, b] = [draws(m * k), draws(k * n)];
    const { c } = await run(({ tape, input }) => {
      const c = tape.recorder.temporary('c', [m, n]);
      const operands = { a: input('a', [m, k], a), b: input('b', [k, n], b), c };
      matMul(tape.recorder, operands, { m, n, k: k - 1 }, { a: { start: 0, stride: k } });
      return { c };
    });
    // One of forty equal summands is missing: sqrt(1 / 40) of the norm.
    const error = relativeError(c ?? [], product(a, b, test));
    expect(error).toBeGreaterThan(0.1);
    expect(error).toBeLessThan(0.25);
  });
});
