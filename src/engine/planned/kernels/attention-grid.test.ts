import { describe, expect, it } from 'vitest';
import { copy, Recorder, SOFTWARE_TRAITS, Tape, externalValue } from '../index';
import { attention, type AttentionShape } from './attention';
import { tileRanges, type AttentionGrid } from './attention-grid';

const SHAPE: AttentionShape = { rows: 2, length: 10, heads: 4, kvHeads: 2, headSize: 8 };
const GRID: AttentionGrid = { headSets: 2, blockTokens: 4, sees: 'before', flopsPerPair: 1 };

function dispatchesOf(shape: AttentionShape, dispatchFlops: number) {
  const tape = new Tape(new Recorder({ ...SOFTWARE_TRAITS, dispatchFlops }));
  const tokens = shape.rows * shape.length;
  const qkv = externalValue('qkv', [tokens, (shape.heads + 2 * shape.kvHeads) * shape.headSize], {
    learns: true,
  });
  const output = attention(tape, qkv, externalValue('segments', [tokens]), shape);
  tape.hand(output, externalValue('dy', output.shape));
  tape.backward();
  const gradient = tape.gradient(qkv);
  if (gradient === null) throw new Error('No gradient was recorded.');
  // Something has to read it, or it would not be computed.
  copy(tape, gradient, externalValue('kept', gradient.shape));
  return tape.recorder.finish().dispatches;
}

describe('tileRanges', () => {
  it('tileRanges: every tile once, in order, each range within the limit', () => {
    for (const sees of ['before', 'after'] as const) {
      const ranges = tileRanges(SHAPE, { ...GRID, sees }, 60);
      let next = 0;
      for (const { first, count, flops } of ranges) {
        expect(first).toBe(next);
        expect(flops).toBeLessThanOrEqual(60);
        next += count;
      }
      // 2 rows of 3 blocks of 2 sets.
      expect(next).toBe(12);
    }
  });

  it('tileRanges: work is queries times the keys they may see', () => {
    // Blocks of 4, 4 and 2 tokens see up to 4, 8 and 10: 16 + 32 + 20 pairs, in 2 sets of 2 rows.
    const [whole] = tileRanges(SHAPE, GRID, Infinity);
    expect(whole).toEqual({ first: 0, count: 12, flops: 4 * 68 });
    // Blocks are seen by 10, 6 and 2: 40 + 24 + 4.
    expect(tileRanges(SHAPE, { ...GRID, sees: 'after' }, Infinity)[0]?.flops).toBe(4 * 68);
    // A window of 1 reaches over a block at most: 16 + 20 + 10.
    expect(tileRanges({ ...SHAPE, window: 1 }, GRID, Infinity)[0]?.flops).toBe(4 * 46);
  });

  it('tileRanges: a tile above the limit is a range of its own', () => {
    expect(tileRanges(SHAPE, GRID, 1)).toHaveLength(12);
  });
});

describe('attention dispatches', () => {
  it('a long sequence: no dispatch does more than the device takes at once', () => {
    const shape: AttentionShape = { rows: 1, length: 2048, heads: 4, kvHeads: 2, headSize: 32 };
    const limit = 2e8;
    const all = dispatchesOf(shape, limit);
    expect(all.length).toBeGreaterThan(4);
    for (const { kernel } of all) expect(kernel.flops).toBeLessThanOrEqual(limit);
  });

  it('other rows and lengths: the same code', () => {
    const codes = [SHAPE, { ...SHAPE, rows: 7 }, { ...SHAPE, length: 999 }].map((shape) =>
      dispatchesOf(shape, Infinity)
        .filter(({ kernel }) => kernel.name.startsWith('attention'))
        .map(({ kernel }) => kernel.code),
    );
    expect(codes[1]).toEqual(codes[0]);
    expect(codes[2]).toEqual(codes[0]);
  });
});
