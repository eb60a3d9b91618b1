import { describe, expect, it } from 'vitest';
import {
  freeId,
  listToText,
  needsFolder,
  problemAt,
  problemsBeside,
  textToList,
  typedNumber,
  withSetting,
} from './backend-forms';

const problem = (path: string) => ({ path, message: 'm', remedy: 'r' });

describe('backend forms', () => {
  it.each([[undefined], [null], [''], [[]], [{}]])('an empty field %j is no setting', (value) => {
    expect(withSetting({ id: 'a', repeats: 1 }, 'repeats', value)).toEqual({ id: 'a' });
  });

  it('0 and false are settings', () => {
    expect(withSetting({ id: 'a' }, 'repeats', 0)).toEqual({ id: 'a', repeats: 0 });
    expect(withSetting({ id: 'a' }, 'crop', false)).toEqual({ id: 'a', crop: false });
  });

  it('a list is one to a line, numbers where it holds numbers', () => {
    expect(textToList(' 64 \n\n128\nmany', 'number')).toEqual([64, 128, 'many']);
    expect(textToList('64\na', 'text')).toEqual(['64', 'a']);
    expect(listToText([64, 'a', { aspect_bucket: 1 }])).toBe('64\na\n{"aspect_bucket":1}');
    expect(listToText('one')).toBe('one');
  });

  it.each([
    ['', undefined],
    ['0,5', 0.5],
    [' 3 ', 3],
    ['some', 'some'],
  ])('the number typed as %j is %j', (typed, value) => {
    expect(typedNumber(typed)).toBe(value);
  });

  it('a problem belongs to its field and to the section around it', () => {
    const problems = [problem('mapping.prompt'), problem('length_buckets[1]'), problem('mappings')];
    expect(problemAt(problems, 'mapping')?.path).toBe('mapping.prompt');
    expect(problemAt(problems, 'length_buckets')?.path).toBe('length_buckets[1]');
    expect(problemAt(problems, 'length')).toBeNull();
    expect(problemsBeside(problems, ['mapping', 'length_buckets']).map(({ path }) => path)).toEqual([
      'mappings',
    ]);
  });

  it.each([
    [{}, true],
    [{ type: 'aws' }, false],
    [{ type: 'csv' }, false],
    [{ type: 'csv', csv_file: 'https://example.org/a.csv' }, false],
    [{ type: 'csv', csv_file: 'tables/a.csv' }, true],
  ])('%j lies in a folder of this machine: %s', (settings, expected) => {
    expect(needsFolder(settings)).toBe(expected);
  });

  it('an id that is taken gets a number', () => {
    expect(freeId('notes', [])).toBe('notes');
    expect(freeId('notes', ['notes', 'notes-2'])).toBe('notes-3');
    expect(freeId(' ', [])).toBe('source');
  });
});
