import { describe, expect, it } from 'vitest';
import { parseCaptionShuffle, shuffleCaption } from './shuffle-caption';

const on = (options: object) => parseCaptionShuffle({ enable: true, ...options }, 42);
const tags = 'iron, fire, coal, water, tongs';

describe('shuffle caption', () => {
  it('is off unless it is enabled', () => {
    for (const value of [undefined, null, {}, { count: 3 }]) {
      expect(shuffleCaption(tags, parseCaptionShuffle(value, 1))).toEqual({
        captions: [tags],
        warning: null,
      });
    }
  });

  it('defaults: one variant beside the original, split at commas, by the global seed', () => {
    expect(parseCaptionShuffle({}, 42)).toEqual({
      enable: false,
      count: 1,
      seed: 42,
      splitOn: 'comma',
      positionStart: 0,
      includeOriginal: true,
    });
    const { captions } = shuffleCaption(tags, on({}));
    expect(captions).toHaveLength(2);
    expect(captions[0]).toBe(tags);
  });

  it('the same seed and caption give the same variants, another seed others', () => {
    const { captions } = shuffleCaption(tags, on({ count: 5 }));
    expect(shuffleCaption(tags, on({ count: 5 })).captions).toEqual(captions);
    expect(shuffleCaption(tags, on({ count: 5, seed: 43 })).captions).not.toEqual(captions);
    // The first variants do not depend on how many there are.
    expect(shuffleCaption(tags, on({ count: 3 })).captions).toEqual(captions.slice(0, 4));
  });

  it('every variant has the same tags', () => {
    const sorted = (caption: string) => caption.split(', ').sort();
    const { captions } = shuffleCaption(tags, on({ count: 20, include_original: false }));
    expect(captions).toHaveLength(20);
    for (const caption of captions) expect(sorted(caption)).toEqual(sorted(tags));
    expect(new Set(captions).size).toBeGreaterThan(10);
  });

  it('position_start keeps the first tags where they are', () => {
    const { captions } = shuffleCaption(tags, on({ count: 20, position_start: 2 }));
    for (const caption of captions) expect(caption.startsWith('iron, fire, ')).toBe(true);
    expect(new Set(captions).size).toBeGreaterThan(1);
  });

  it('splits at spaces and at periods, and joins as it was', () => {
    const words = shuffleCaption(
      'a  b c d',
      on({ split_on: 'space', count: 4, include_original: false }),
    ).captions;
    for (const caption of words) expect(caption.split(' ').sort()).toEqual(['a', 'b', 'c', 'd']);
    const options = { split_on: 'period', count: 4, include_original: false };
    for (const caption of shuffleCaption('A b. C d. E f.', on(options)).captions) {
      expect(
        caption
          .split('. ')
          .map((part) => part.replace('.', ''))
          .sort(),
      ).toEqual(['A b', 'C d', 'E f']);
      expect(caption.endsWith('.')).toBe(true);
    }
  });

  it('fewer than position_start + 2 tags: left alone', () => {
    expect(shuffleCaption('a, b, c', on({ position_start: 2 }))).toEqual({
      captions: ['a, b, c'],
      warning: null,
    });
    expect(shuffleCaption('a, b, c', on({ position_start: 1 })).captions).toHaveLength(2);
  });

  it('include_original false but nothing to shuffle: the original stays, with a warning', () => {
    const { captions, warning } = shuffleCaption('alone', on({ include_original: false }));
    expect(captions).toEqual(['alone']);
    expect(warning).toMatch(/"alone" has too few tags \(1\) to shuffle from position 0/);
  });

  it.each([
    ['yes', 'caption_shuffle is "yes".'],
    [['a'], 'caption_shuffle is ["a"].'],
    [{ split_on: 'tab' }, 'caption_shuffle.split_on is "tab".'],
    [{ count: 0 }, 'caption_shuffle.count is 0.'],
    [{ count: 1.5 }, 'caption_shuffle.count is 1.5.'],
    [{ position_start: -1 }, 'caption_shuffle.position_start is -1.'],
    [{ enable: 'true' }, 'caption_shuffle.enable is "true".'],
    [{ seed: 'x' }, 'caption_shuffle.seed is "x".'],
  ])('refuses %j', (value, message) => {
    const refused = expect.objectContaining({ code: 'config.invalid', message }) as Error;
    expect(() => parseCaptionShuffle(value, 1)).toThrow(refused);
  });
});
