import { describe, expect, it } from 'vitest';
import { filterCaption, loadCaptionFilters, parseCaptionFilters } from './filter-caption';

const filtered = (caption: string, ...list: string[]) => filterCaption(caption, parseCaptionFilters(list));
const files: Record<string, string> = {
  'list.txt': 'arafed \r\n\ns/cat/dog/\n',
  'list.json': '["arafed "]',
  'broken.json': '["',
};
const load = (value: unknown) => loadCaptionFilters(value, (path) => Promise.resolve(files[path] ?? null));

describe('filter caption', () => {
  it('plain text is removed wherever it stands', () => {
    expect(filtered('an arafed cat and an arafed dog', 'arafed ')).toBe('an cat and an dog');
  });

  it('what a regular expression finds is removed wherever it is', () => {
    expect(filtered('this photo has a cat', 'this .* has a ')).toBe('cat');
    expect(filtered('the the end', '^the ')).toBe('the end');
    expect(filtered('a1b22c', '\\d+')).toBe('abc');
  });

  it('s/search/replacement/ replaces the first hit, with or without the last slash', () => {
    expect(filtered('cat and cat', 's/cat/dog/')).toBe('dog and cat');
    expect(filtered('cat and cat', 's/c.t/dog')).toBe('dog and cat');
    expect(filtered('a cat', 's/ cat//')).toBe('a');
  });

  it('a replacement may use groups and slashes, and a dollar is one', () => {
    expect(filtered('red iron', 's/(\\w+) (\\w+)/\\2 \\1/')).toBe('iron red');
    expect(filtered('km h', 's/ /\\//')).toBe('km/h');
    expect(filtered('price', 's/price/$& 1/')).toBe('$& 1');
  });

  it('in the order of the list', () => {
    expect(filtered('a b', 's/a/b/', 'b ')).toBe('b');
  });

  it('what is no regular expression is plain text', () => {
    expect(filtered('c++ (draft', 'c++ (')).toBe('draft');
    expect(filtered('1+1 is 2', '1+1 ')).toBe('is 2');
  });

  it('a list is given, or stands in a .txt or .json file', async () => {
    expect(filterCaption('an arafed cat', await load(['arafed ']))).toBe('an cat');
    expect(filterCaption('an arafed cat', await load('list.txt'))).toBe('an dog');
    expect(filterCaption('an arafed cat', await load('list.json'))).toBe('an cat');
    for (const nothing of [undefined, null, '', []]) expect(await load(nothing)).toEqual([]);
  });

  it.each([
    [7, 'caption_filter_list: 7 is no list.'],
    [[7], 'caption_filter_list: 7 is no text.'],
    [['s/(/x/'], 'caption_filter_list: "s/(/x/" is no regular expression.'],
    ['gone.txt', 'caption_filter_list: "gone.txt" names a file that is not there.'],
    ['list.csv', 'caption_filter_list: "list.csv" is no list and no .txt or .json file.'],
    ['broken.json', expect.stringContaining('"broken.json" is no JSON') as string],
  ])('refuses %j', async (value, message) => {
    await expect(load(value)).rejects.toMatchObject({ code: 'config.invalid', message });
  });
});
