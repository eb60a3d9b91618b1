import { describe, expect, it } from 'vitest';
import type { MatMulShape } from '../kernels/mat-mul-shape';
import {
  adapterKind,
  candidateVariants,
  defaultVariant,
  softwareCost,
  type AdapterKind,
} from './default-variants';

const on = (kind: AdapterKind, subgroupLanes = 0) => ({ kind, subgroupLanes });

const shapeOf = (m: number, n: number, k: number): MatMulShape => ({
  m,
  n,
  k,
  transposeA: false,
  transposeB: false,
  scale: 1,
  plus: 'none',
  a: { start: 0, stride: k },
  b: { start: 0, stride: n },
  c: { start: 0, stride: n },
});

describe('adapterKind', () => {
  it.each([
    ['google', true, 'software'],
    ['nvidia', false, 'discrete'],
    ['apple', false, 'apple'],
    ['intel', false, 'integrated'],
    ['', false, 'integrated'],
  ])('%s, software %s: %s', (vendor, software, kind) => {
    expect(adapterKind({ vendor, software })).toBe(kind);
  });
});

describe('defaultVariant', () => {
  it('a large product on a CPU: the largest tile, no parts', () => {
    expect(defaultVariant(shapeOf(512, 512, 512), on('software'))).toMatchObject({
      kind: 'direct',
      rows: 16,
      columns: 16,
      splits: 1,
    });
  });

  it('a CPU with subgroups of four: rows are loaded together, in tiles by the size of the product', () => {
    expect(defaultVariant(shapeOf(512, 512, 512), on('software', 4))).toMatchObject({
      kind: 'subgroup',
      rows: 32,
      columns: 16,
      lanes: 4,
    });
    expect(defaultVariant(shapeOf(256, 256, 128), on('software', 4))).toMatchObject({
      kind: 'subgroup',
      columns: 8,
    });
    expect(defaultVariant(shapeOf(512, 511, 512), on('software', 4)).kind).toBe('direct');
  });

  it('eight columns on a CPU: no tile is wider', () => {
    expect(defaultVariant(shapeOf(512, 8, 128), on('software'))).toMatchObject({ columns: 8 });
  });

  it('a small result of a long sum: in parts', () => {
    expect(defaultVariant(shapeOf(16, 8, 4096), on('software'))).not.toMatchObject({ splits: 1 });
    expect(defaultVariant(shapeOf(32, 32, 4096), on('discrete'))).toMatchObject({
      kind: 'shared',
      splits: 8,
    });
  });

  it('a few rows on a CPU: as many columns as keep all lanes busy', () => {
    const columns = (m: number, n: number) => defaultVariant(shapeOf(m, n, 288), on('software'));
    // 32 invocations of 16 columns are 512.
    expect(columns(8, 1024)).toMatchObject({ kind: 'vector', columns: 32 });
    expect(columns(8, 512)).toMatchObject({ kind: 'vector', columns: 16 });
    expect(columns(4, 1024)).toMatchObject({ kind: 'vector', columns: 16 });
    expect(columns(8, 288)).toMatchObject({ kind: 'vector', columns: 8 });
    expect(columns(1, 512)).toMatchObject({ kind: 'vector', columns: 8 });
    expect(columns(1, 192)).toMatchObject({ kind: 'vector', columns: 4 });
  });

  it('eight rows of a transposed A: no vectors', () => {
    for (const kind of ['software', 'discrete'] as const)
      expect(defaultVariant({ ...shapeOf(8, 512, 512), transposeA: true }, on(kind)).kind).not.toBe('vector');
  });

  it('one row: vectors everywhere', () => {
    for (const kind of ['software', 'integrated', 'discrete', 'apple'] as const)
      expect(defaultVariant(shapeOf(1, 4096, 576), on(kind)).kind).toBe('vector');
  });

  it('enough tiles for a large GPU: the largest', () => {
    expect(defaultVariant(shapeOf(2048, 2048, 512), on('discrete'))).toMatchObject({ tileRows: 128 });
    expect(defaultVariant(shapeOf(512, 512, 512), on('discrete'))).toMatchObject({ tileRows: 32 });
  });
});

describe('softwareCost', () => {
  it('eight invocations of one tile: loads and multiply-adds of one', () => {
    const variant = { kind: 'direct', rows: 8, columns: 8, workgroupSize: 4, splits: 1 } as const;
    // 64 multiply-adds and 24 * 16 for the loads, for each of 10 steps.
    expect(softwareCost(shapeOf(32, 16, 10), variant)).toBe((64 + 384) * 10);
  });
});

describe('candidateVariants', () => {
  it('the default comes first, and each variant once', () => {
    const candidates = candidateVariants(shapeOf(512, 512, 512), on('discrete'));
    expect(candidates[0]).toEqual(defaultVariant(shapeOf(512, 512, 512), on('discrete')));
    expect(new Set(candidates.map((variant) => JSON.stringify(variant))).size).toBe(candidates.length);
  });
});
