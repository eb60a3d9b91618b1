import { describe, expect, it } from 'vitest';
import type { Row } from '../reading/row-event';
import { parseCaptionSettings, type CaptionConfig } from './caption-settings';
import { captionsOf, splitCaption, type CaptionOutcome } from './caption-strategy';
import { choosePrompt } from './choose-prompt';
import { captionsOfRow, valueAt } from './row-captions';

const files: Record<string, string> = {
  'forge/anvil.txt': ' An anvil. \r\n\n\tA horn.\n',
  'empty.txt': ' \n ',
};

interface From {
  path?: string;
  row?: Row | null;
}

function extract(
  config: Partial<CaptionConfig>,
  { path = 'forge/anvil.png', row = null }: From = {},
): Promise<CaptionOutcome> {
  const readText = (name: string) => Promise.resolve(files[name] ?? null);
  return captionsOf({ path, row, readText }, parseCaptionSettings({ id: 'a', ...config }));
}

const parsing = (config: Partial<CaptionConfig>) => () => parseCaptionSettings({ id: 'a', ...config });
const parquet = (columns: object): Partial<CaptionConfig> => ({
  caption_strategy: 'parquet',
  metadata_backend: 'parquet',
  parquet: { caption_column: 'text', ...columns },
});

describe('caption strategy', () => {
  it('null: nothing is extracted', async () => {
    expect(await extract({ caption_strategy: null })).toEqual({ captions: null });
  });

  it('filename: the stem, with spaces for underscores', async () => {
    const strategy = { caption_strategy: 'filename' };
    expect(await extract(strategy, { path: 'a/red_hot.iron.png' })).toEqual({ captions: ['red hot.iron'] });
    expect(await extract(strategy, { path: '.hidden' })).toEqual({ captions: ['.hidden'] });
  });

  it('textfile: each line of the text beside is a caption', async () => {
    expect(await extract({ caption_strategy: 'textfile' })).toEqual({ captions: ['An anvil.', 'A horn.'] });
  });

  it('textfile: disable_multiline_split keeps the lines together', async () => {
    const config = { caption_strategy: 'textfile', disable_multiline_split: true };
    expect(await extract(config)).toEqual({ captions: ['An anvil. \r\n\n\tA horn.'] });
  });

  it('textfile: a missing file is not found, an empty one has no caption', async () => {
    const config = { caption_strategy: 'textfile' };
    expect(await extract(config, { path: 'b.png' })).toEqual({
      missing: 'not_found',
      message: 'There is no b.txt beside b.png.',
    });
    expect(await extract(config, { path: 'empty.png' })).toMatchObject({ missing: 'metadata_missing' });
  });

  it('textfile: old line ends and a byte order mark', () => {
    expect(splitCaption('\ufeffa\rb\r\nc', true)).toEqual(['a', 'b', 'c']);
  });

  it('instanceprompt: one prompt or a list of variants', async () => {
    const strategy = { caption_strategy: 'instanceprompt' };
    expect(await extract({ ...strategy, instance_prompt: 'iron' })).toEqual({ captions: ['iron'] });
    expect(await extract({ ...strategy, instance_prompt: ['iron', 'steel'] })).toEqual({
      captions: ['iron', 'steel'],
    });
  });

  it('instanceprompt: without a prompt it is refused', () => {
    const refused = {
      code: 'config.invalid',
      message: 'Backend "a" has caption_strategy instanceprompt without an instance_prompt.',
    };
    for (const instance_prompt of [undefined, null, '', ' ', []]) {
      expect(parsing({ caption_strategy: 'instanceprompt', instance_prompt })).toThrow(
        expect.objectContaining(refused) as Error,
      );
    }
  });

  it('only_instance_prompt: nothing but the prompt, whatever the strategy', async () => {
    const config = { caption_strategy: 'filename', instance_prompt: 'iron', only_instance_prompt: true };
    expect(await extract(config)).toEqual({ captions: ['iron'] });
    expect(parsing({ only_instance_prompt: true })).toThrow(/only_instance_prompt without/);
  });

  it('prepend_instance_prompt: each prompt in front of each caption', async () => {
    const config = {
      caption_strategy: 'textfile',
      instance_prompt: ['old', 'new'],
      prepend_instance_prompt: true,
    };
    expect(await extract(config)).toEqual({
      captions: ['old An anvil.', 'new An anvil.', 'old A horn.', 'new A horn.'],
    });
    expect(await extract(config, { path: 'b.png' })).toMatchObject({ missing: 'not_found' });
    expect(parsing({ prepend_instance_prompt: true })).toThrow(/prepend_instance_prompt without/);
  });

  it('parquet: columns of the row, lists as variants, the fallback where there is none', async () => {
    const config = parquet({ caption_column: ['text', 'more'], fallback_caption_column: 'alt' });
    expect(await extract(config, { row: { text: 'a', more: ['b', '', 'c'], alt: 'd' } })).toEqual({
      captions: ['a', 'b', 'c'],
    });
    expect(await extract(config, { row: { text: null, more: [], alt: ' d ' } })).toEqual({ captions: ['d'] });
    expect(await extract(config, { row: { text: '' } })).toEqual({
      missing: 'metadata_missing',
      message: 'The row of forge/anvil.png has no text in text, more, alt.',
    });
    expect(await extract(config)).toMatchObject({ missing: 'metadata_missing' });
  });

  it.each(['discovery', 'json', undefined])(
    'parquet: refused with metadata_backend %s',
    (metadata_backend) => {
      expect(parsing({ ...parquet({}), metadata_backend })).toThrow(
        /caption_strategy "parquet" with metadata_backend/,
      );
    },
  );

  it('parquet: refused without a caption column', () => {
    expect(parsing(parquet({ caption_column: [] }))).toThrow(/without caption_column/);
  });

  it('csv: the column of the row, with type csv only', async () => {
    const config = { type: 'csv', caption_strategy: 'csv', csv_caption_column: 'words' };
    expect(await extract(config, { row: { words: 'a' } })).toEqual({ captions: ['a'] });
    expect(parsing({ caption_strategy: 'csv' })).toThrow(/caption_strategy "csv" with type local/);
    expect(parsing({ type: 'csv', caption_strategy: 'filename' })).toThrow(
      /caption_strategy "filename" with type csv/,
    );
    expect(parsing({ type: 'csv', caption_strategy: 'csv' })).toThrow(/no csv_caption_column/);
  });

  it('huggingface: nested columns too, with its own type, which takes instanceprompt besides', async () => {
    const config = {
      type: 'huggingface',
      caption_strategy: 'huggingface',
      huggingface: { caption_column: 'meta.words' },
    };
    expect(await extract(config, { row: { meta: { words: 'a' } } })).toEqual({ captions: ['a'] });
    expect(parsing({ caption_strategy: 'huggingface' })).toThrow(/with type local/);
    expect(parsing({ type: 'huggingface', caption_strategy: 'textfile' })).toThrow(
      /Backend "a" has caption_strategy "textfile" with type huggingface/,
    );
    expect(
      parsing({ type: 'huggingface', caption_strategy: 'instanceprompt', instance_prompt: 'a' }),
    ).not.toThrow();
    const flat = { ...config, huggingface: undefined, caption_column: ['a', 'b'] };
    expect(await extract(flat, { row: { a: 'x', b: 'y' } })).toEqual({ captions: ['x', 'y'] });
    expect(await extract({ ...config, huggingface: undefined }, { row: { text: 'b' } })).toEqual({
      captions: ['b'],
    });
  });

  it('an unknown strategy is named, with those there are', () => {
    const refused = {
      message: 'Backend "a" has the unknown caption_strategy "webshart".',
      remedy: 'Use filename, textfile, instanceprompt, parquet, csv, huggingface or null.',
    };
    expect(parsing({ caption_strategy: 'webshart' })).toThrow(expect.objectContaining(refused) as Error);
  });
});

describe('row captions', () => {
  it('a column whose name has a dot comes before a nested one', () => {
    expect(valueAt({ 'a.b': 1, a: { b: 2 } }, 'a.b')).toBe(1);
    expect(valueAt({ a: { b: 2 } }, 'a.b')).toBe(2);
    expect(valueAt({ a: 'text' }, 'a.length')).toBeUndefined();
    expect(valueAt({}, 'constructor')).toBeUndefined();
  });

  it('numbers are texts, objects are not', () => {
    expect(captionsOfRow({ a: 7, b: { c: 'd' } }, { columns: ['a', 'b'], fallback: null })).toEqual(['7']);
  });
});

describe('choose prompt', () => {
  const prompts = ['a', 'b', 'c'];

  it('is always the same for a sample, and reaches every prompt', () => {
    const chosen = Array.from({ length: 300 }, (_, i) => choosePrompt(prompts, `sample ${i}`));
    expect(chosen).toEqual(Array.from({ length: 300 }, (_, i) => choosePrompt(prompts, `sample ${i}`)));
    for (const prompt of prompts) {
      // 300 draws of 1/3: mean 100, deviation 8.2; five of them either way.
      const count = chosen.filter((other) => other === prompt).length;
      expect(Math.abs(count - 100)).toBeLessThan(41);
    }
  });

  it('refuses to choose from nothing', () => {
    expect(() => choosePrompt([], 'x')).toThrow('no prompt for x');
  });
});
