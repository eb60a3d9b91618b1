import { describe, expect, it } from 'vitest';
import type { PictureFilter, PicturePreprocessing } from '../../core/picture-preprocessing';
import { preparePixels } from './prepare-pixels';
import { resizePixels, type Pixels } from './resize-pixels';

/** Grey levels, row by row. */
const grey = (width: number, ...levels: number[]): Pixels => ({
  width,
  height: levels.length / width,
  values: Float32Array.from(levels.flatMap((level) => [level, level, level])),
});
const levelsOf = ({ values }: Pixels): number[] => [...values].filter((_, i) => i % 3 === 0);

const PLAIN: PicturePreprocessing = {
  resize: null,
  crop: null,
  filter: 'bilinear',
  scale: 1,
  mean: [0, 0, 0],
  deviation: [1, 1, 1],
};

describe('resized pixels', () => {
  it.each<[PictureFilter, number[]]>([
    // Worked out by hand: [0, 100] at 4 pixels, centres at 0.25, 0.75, 1.25, 1.75 of the source.
    ['nearest', [0, 0, 100, 100]],
    ['box', [0, 0, 100, 100]],
    ['bilinear', [0, 25, 75, 100]],
  ])('%s, enlarged', (filter, expected) => {
    const resized = resizePixels(grey(2, 0, 100), { width: 4, height: 1 }, filter);
    expect(levelsOf(resized)).toEqual(expected);
  });

  it('bilinear, made smaller: every pixel of the stretch counts', () => {
    // Of 4 pixels to 2 the triangle is 4 wide: weights 1/4, 3/4, 3/4, 1/4 cut at the edge, over their sum.
    const [first, second] = levelsOf(
      resizePixels(grey(4, 0, 0, 100, 100), { width: 2, height: 1 }, 'bilinear'),
    );
    expect(first).toBeCloseTo((100 * 0.25) / 1.75, 4);
    expect(second).toBeCloseTo((100 * (0.75 + 0.75)) / 1.75, 4);
  });

  it.each<PictureFilter>(['nearest', 'box', 'bilinear', 'bicubic', 'lanczos'])(
    '%s: one level stays that level, and levels stay within 0 and 255',
    (filter) => {
      const flat = resizePixels(grey(3, ...new Array<number>(9).fill(77)), { width: 5, height: 2 }, filter);
      for (const level of flat.values) expect(level).toBeCloseTo(77, 3);
      const edge = resizePixels(grey(4, 0, 255, 0, 255), { width: 9, height: 3 }, filter);
      for (const level of edge.values) expect(level >= 0 && level <= 255).toBe(true);
    },
  );

  it('rows are resized as columns are', () => {
    const tall = resizePixels(grey(1, 0, 100), { width: 1, height: 4 }, 'bilinear');
    expect(levelsOf(tall)).toEqual([0, 25, 75, 100]);
  });
});

describe('prepared pixels', () => {
  it('planes of red, green and blue, scaled and normalised', () => {
    const picture = { width: 2, height: 1, values: Float32Array.of(10, 20, 30, 40, 50, 60) };
    const prepared = preparePixels(picture, {
      ...PLAIN,
      resize: { width: 2, height: 1 },
      ...{ scale: 0.5, mean: [1, 2, 3], deviation: [2, 4, 5] },
    });
    // (level / 2 - mean) / deviation
    expect([...prepared]).toEqual([2, 9.5, 2, 5.75, 2.4000000953674316, 5.400000095367432]);
  });

  it('the shorter edge, then the middle of what is left', () => {
    const picture = grey(4, 0, 10, 20, 30, 0, 10, 20, 30);
    const middle = preparePixels(picture, {
      ...PLAIN,
      resize: { shorter: 2 },
      crop: { width: 2, height: 2 },
    });
    expect([...middle.slice(0, 4)]).toEqual([10, 20, 10, 20]);
  });

  it('what a crop takes from outside is black', () => {
    const framed = preparePixels(grey(1, 9), { ...PLAIN, crop: { width: 3, height: 1 } });
    expect([...framed.slice(0, 3)]).toEqual([0, 9, 0]);
  });
});
