import { describe, expect, it } from 'vitest';
import { compareSnapshots, takeSnapshot } from './file-snapshot';
import { MetadataTable, type MetadataTableConfig } from './metadata-table';
import { ParquetColumnCheck } from './parquet-columns';

const file = (path: string, size: number | null = 1, lastModified: number | null = 1) => ({
  path,
  size,
  lastModified,
});

describe('file snapshot', () => {
  it('is the same in whatever order the files were found', async () => {
    const files = [file('b'), file('a/c'), file('B')];
    const snapshot = await takeSnapshot(files);
    expect(snapshot.map(({ path }) => path)).toEqual(['B', 'a/c', 'b']);
    expect(await takeSnapshot([...files].reverse())).toEqual(snapshot);
  });

  it('tells what was added, removed and changed', async () => {
    const before = await takeSnapshot([file('a'), file('b'), file('c'), file('d')]);
    const now = await takeSnapshot([file('a'), file('b', 2), file('c', 1, 2), file('e')]);
    expect(compareSnapshots(before, now)).toEqual({ added: ['e'], removed: ['d'], changed: ['b', 'c'] });
    expect(compareSnapshots(before, before)).toEqual({ added: [], removed: [], changed: [] });
  });

  it('what a place does not tell is no difference', async () => {
    const before = await takeSnapshot([file('a', null, 1), file('b', 1, null)]);
    const now = await takeSnapshot([file('a', 5, null), file('b', 1, 7)]);
    expect(compareSnapshots(before, now)).toEqual({ added: [], removed: [], changed: [] });
  });
});

describe('parquet columns', () => {
  function check(values: unknown[], fallback: string | null = null): () => void {
    return () => {
      const columns = new ParquetColumnCheck('table.parquet', { columns: ['text'], fallback });
      for (const text of values) columns.add({ text, alt: 'x' });
      columns.finish();
    };
  }

  it('texts and lists of texts are fine, and so is an empty table', () => {
    expect(check(['a', 'b'])).not.toThrow();
    expect(
      check([
        ['a', 'b'],
        ['c', null],
      ]),
    ).not.toThrow();
    expect(check([])).not.toThrow();
  });

  it('nothing but nulls is refused, fallback or not', () => {
    const message = 'table.parquet has nothing but nulls in its column "text".';
    expect(check([null, undefined])).toThrow(message);
    expect(check([null, null], 'alt')).toThrow(message);
  });

  it.each([
    ['null values', ['a', null, 'b']],
    ['null arrays', [['a'], [null]]],
    ['empty arrays', [['a'], []]],
    ['empty strings', ['a', '']],
  ])('%s are refused unless there is a fallback', (lack, values) => {
    expect(check(values)).toThrow(`table.parquet has ${lack} in its column "text" (row 2).`);
    expect(check(values, 'alt')).not.toThrow();
  });

  it.each([
    ['number', 7],
    ['object', { a: 1 }],
    ['object', [7]],
  ])('a %s is no text, fallback or not', (type, value) => {
    expect(check([value], 'alt')).toThrow(`table.parquet has a ${type} in its column "text" (row 1).`);
  });
});

describe('metadata table', () => {
  const lines = (...rows: object[]) => ({
    name: 'table.jsonl',
    blob: new Blob(rows.map((row) => `${JSON.stringify(row)}\n`)),
  });
  const config = (parquet: object): MetadataTableConfig => ({
    id: 'a',
    caption_strategy: 'parquet',
    metadata_backend: 'parquet',
    parquet: { filename_column: 'id', caption_column: 'text', ...parquet },
  });

  it('finds the row of a file by its name without ending, and keeps the columns that are asked for', async () => {
    const file = lines(
      { id: 'a', text: 'anvil', other: 'x'.repeat(100) },
      { id: 7, text: 'seven' },
      { text: 'nameless' },
    );
    const table = await MetadataTable.read(file, config({}));
    expect(table.size).toBe(2);
    expect(table.rowOf('a.png')).toEqual({ text: 'anvil' });
    expect(table.rowOf('deep/7.txt')).toEqual({ text: 'seven' });
    expect(table.rowOf('b.png')).toBeNull();
  });

  it('identifier_includes_extension: by the whole name; a path in the table is one', async () => {
    const file = lines({ id: 'a.png', text: 'anvil' }, { id: 'deep/b.v2', text: 'bellows' });
    const table = await MetadataTable.read(file, config({ identifier_includes_extension: true }));
    expect(table.rowOf('a.png')).toEqual({ text: 'anvil' });
    expect(table.rowOf('a.jpg')).toBeNull();
    expect(table.rowOf('deep/b.v2')).toEqual({ text: 'bellows' });
    expect((await MetadataTable.read(file, config({}))).rowOf('deep/b.v2.txt')).toEqual({ text: 'bellows' });
  });

  it('width_column, height_column: the size of a picture where both are whole numbers of pixels', async () => {
    const file = lines(
      { id: 'a', text: 'anvil', w: 64, h: '32' },
      { id: 'b', text: 'bellows', w: 64, h: null },
      { id: 'c', text: 'coal', w: 1.5, h: 2 },
    );
    const table = await MetadataTable.read(file, config({ width_column: 'w', height_column: 'h' }));
    expect(table.sizeOf('a.png')).toEqual({ width: 64, height: 32 });
    expect(['b.png', 'c.png', 'z.png'].map((path) => table.sizeOf(path))).toEqual([null, null, null]);
    expect(table.rowOf('a.png')).toEqual({ text: 'anvil' });
    expect((await MetadataTable.read(file, config({}))).sizeOf('a.png')).toBeNull();
  });

  it('refuses columns that give no text', async () => {
    await expect(MetadataTable.read(lines({ id: 'a', text: null }), config({}))).rejects.toThrow(
      /nothing but nulls/,
    );
    const rows = lines({ id: 'a', text: 'x' }, { id: 'b', text: null, alt: 'y' });
    await expect(MetadataTable.read(rows, config({}))).rejects.toThrow(/null values/);
    const table = await MetadataTable.read(rows, config({ fallback_caption_column: 'alt' }));
    expect(table.rowOf('b')).toEqual({ text: null, alt: 'y' });
  });

  it('refuses other files, and a block without filename_column', async () => {
    const csv = { name: 'table.csv', blob: new Blob(['a']) };
    await expect(MetadataTable.read(csv, config({}))).rejects.toThrow('Backend "a" has a table table.csv.');
    await expect(MetadataTable.read(lines(), config({ filename_column: '' }))).rejects.toThrow(
      /without filename_column/,
    );
  });
});
