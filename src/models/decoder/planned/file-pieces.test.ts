import { describe, expect, it } from 'vitest';
import type { StoredArray } from '../../file-layout';
import { filePieces, storedBytes, unitOf, type FilePiece } from './file-pieces';

const file = new Blob([]);

/** Behind each other in one file, with so many bytes between them. */
function stored(
  arrays: Record<string, Pick<StoredArray, 'type' | 'shape'> & Partial<StoredArray>>,
  gapBytes = 0,
): Map<string, StoredArray> {
  let end = 8;
  return new Map(
    Object.entries(arrays).map(([name, array]) => {
      const whole = { file, begin: end, end, headSize: null, ...array };
      const bytes = storedBytes(
        whole,
        array.shape.reduce((size, n) => size * n, 1),
      );
      end += bytes + gapBytes;
      return [name, { ...whole, end: whole.begin + bytes }];
    }),
  );
}

const places = (pieces: Iterable<FilePiece>) =>
  [...pieces].map(({ begin, end, parts }) => ({
    at: [begin, end],
    parts: parts.map(({ name, start, count }) => [name, start, count]),
  }));

describe('filePieces', () => {
  it('small arrays share a stretch, with what lies between them', () => {
    const arrays = stored({ a: { type: 'F32', shape: [3] }, b: { type: 'BF16', shape: [5] } }, 2);
    expect(places(filePieces(arrays, 1024))).toEqual([
      {
        at: [8, 32],
        parts: [
          ['a', 0, 3],
          ['b', 0, 5],
        ],
      },
    ]);
  });

  it('in the order of the file, whatever that of the names', () => {
    const { a, b } = Object.fromEntries(
      stored({ a: { type: 'F16', shape: [2] }, b: { type: 'F16', shape: [2] } }),
    );
    const arrays = new Map([
      ['b', b as StoredArray],
      ['a', a as StoredArray],
    ]);
    expect([...filePieces(arrays, 64)].flatMap(({ parts }) => parts.map(({ name }) => name))).toEqual([
      'a',
      'b',
    ]);
  });

  it('a large array is cut at blocks: what is left of a stretch first, then whole ones, every element once', () => {
    // Blocks of 34 bytes: one is left of 100 bytes behind the 40 of the first array, two fit into a stretch of their own.
    const arrays = stored({ a: { type: 'F32', shape: [10] }, b: { type: 'Q8_0', shape: [4, 32] } });
    expect(places(filePieces(arrays, 100))).toEqual([
      {
        at: [8, 82],
        parts: [
          ['a', 0, 10],
          ['b', 0, 32],
        ],
      },
      { at: [82, 150], parts: [['b', 32, 64]] },
      { at: [150, 184], parts: [['b', 96, 32]] },
    ]);
  });

  it('heads whose rows change places stay whole, even where a stretch is too short for one', () => {
    const arrays = stored({ q: { type: 'F32', shape: [8, 8], headSize: 4 } });
    expect(unitOf(arrays.get('q') as StoredArray)).toBe(32);
    expect(places(filePieces(arrays, 100))).toEqual([
      { at: [8, 136], parts: [['q', 0, 32]] },
      { at: [136, 264], parts: [['q', 32, 32]] },
    ]);
  });

  it('other arrays between two are not read along; another file begins anew', () => {
    const far = stored({ a: { type: 'F32', shape: [2] }, b: { type: 'F32', shape: [2] } }, 5000);
    const other = stored({ c: { type: 'F32', shape: [2], file: new Blob([]) } });
    const pieces = [...filePieces(new Map([...far, ...other]), 10_000)];
    expect(pieces.map(({ parts }) => parts.map(({ name }) => name))).toEqual([['a'], ['b'], ['c']]);
  });
});
