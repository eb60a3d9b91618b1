// Against a local server with texts at its addresses.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AddressServer } from '../../../tests/support/address-server';
import { MemoryBlobStore } from '../../lib/storage/memory-blob-store';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { RowEvent } from '../reading/row-event';
import { createCsvBackend, type CsvOptions } from './csv-backend';
import type { DataBackend } from './data-backend';

let server: AddressServer;
let blobs: BlobStore;
let now: number;

beforeAll(async () => {
  server = await AddressServer.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.answers.clear();
  server.requests.length = 0;
  blobs = new MemoryBlobStore();
  now = 1_000_000;
});

const nameOf = (url: string, ending = 'txt'): string =>
  `${createHash('sha256').update(url).digest('hex')}.${ending}`;
const at = (path: string): string => `${server.url}${path}`;

/** As an <input> gives it. */
const chosen = (table: string): File =>
  Object.assign(new File([table], 'list.csv'), { webkitRelativePath: '' });

function backend(table: string | null, config: object = {}, more: Partial<CsvOptions> = {}): DataBackend {
  return createCsvBackend({
    config: {
      id: 'a',
      type: 'csv',
      caption_strategy: 'csv',
      csv_file: 'list.csv',
      csv_caption_column: 'caption',
      csv_cache_dir: 'cache/a',
      ...config,
    },
    secrets: {},
    folder: table === null ? null : [chosen(table)],
    blobs,
    fetch,
    clock: { now: () => now, dice: () => 1, sleep: () => Promise.resolve() },
    online: () => true,
    ...more,
  });
}

/** A table with an address for each path, whose text says the path. */
function listOf(paths: string[]): string {
  for (const path of paths) server.answers.set(path, { body: `text of ${path}` });
  return ['url,caption', ...paths.map((path) => `${at(path)},`)].join('\n');
}

async function paths(source: DataBackend): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of source.list()) found.push(path);
  return found;
}

async function textOf(source: DataBackend, path: string): Promise<string | null> {
  const bytes = await source.read(path);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** As a build reads: in the order of the names. */
async function rowsOf(source: DataBackend): Promise<(RowEvent | null)[]> {
  const rows: (RowEvent | null)[] = [];
  for (const name of (await paths(source)).sort()) {
    const blob = await source.open(name);
    if (blob === null) rows.push(null);
    else for await (const event of source.rows?.({ name, blob }, {}) ?? []) rows.push(event);
  }
  return rows;
}

describe('csv backend', () => {
  test('lists a file for each address, under its hash, and fetches it when it is opened', async () => {
    const source = backend(listOf(['/a.txt', '/b.html?page=1', '/c']));
    const names = [nameOf(at('/a.txt')), nameOf(at('/b.html?page=1'), 'html'), nameOf(at('/c'))];
    expect(await paths(source)).toEqual([...names].sort());
    expect(source.describe()).toEqual({ id: 'a', type: 'csv', location: 'list.csv', writable: false });
    expect(server.requests).toEqual([]);
    expect(await source.exists(names[0] ?? '')).toBe(true);
    expect(await source.exists('no.txt')).toBe(false);
    expect(await textOf(source, names[0] ?? '')).toBe('text of /a.txt');
    expect(server.asked('/a.txt')).toBe(1);
    expect(await source.open('no.txt')).toBeNull();
    await expect(source.write('a', new Uint8Array())).rejects.toMatchObject({ code: 'backend.read-only' });
  });

  test('of rows with the same address the last one counts', async () => {
    server.answers.set('/a', { body: 'text' });
    const source = backend(`url,caption\n${at('/a')},first\n${at('/a')},last\n`);
    expect(await rowsOf(source)).toEqual([{ kind: 'row', row: { caption: 'last\n\ntext' }, line: 3 }]);
  });

  test('a row is the text at the address, its caption above it; pages of the web lose their tags', async () => {
    server.answers.set('/a.html', { body: '<h1>Anvil</h1><p>Is heavy.</p>' });
    const [row] = await rowsOf(backend(`url,caption\n${at('/a.html')},Tools\n`));
    expect(row).toMatchObject({ kind: 'row', line: 2 });
    const text = row?.kind === 'row' ? String(row.row['caption']) : '';
    expect(text.startsWith('Tools\n\n')).toBe(true);
    expect(text).toMatch(/Anvil\s+Is heavy\.$/i);
  });

  test('without a column of addresses the captions are the texts', async () => {
    const source = backend('caption,more\nan anvil,1\n"tongs, long",2\n');
    expect(await paths(source)).toEqual(['list.csv']);
    expect(await rowsOf(source)).toMatchObject([
      { row: { caption: 'an anvil', more: '1' }, line: 2 },
      { row: { caption: 'tongs, long', more: '2' }, line: 3 },
    ]);
    expect(server.requests).toEqual([]);
  });

  test('the table may lie at an address of its own', async () => {
    server.answers.set('/list.csv?key=secret', { body: listOf(['/a']) });
    const source = backend(null, { csv_file: at('/list.csv?key=secret') });
    expect(await paths(source)).toEqual([nameOf(at('/a'))]);
    expect(source.describe().location).toBe(at('/list.csv'));
  });

  test('another column of addresses', async () => {
    server.answers.set('/a', { body: 'text' });
    const source = backend(`link;caption\n${at('/a')};\n`, { csv_url_column: 'link' });
    expect(await rowsOf(source)).toMatchObject([{ row: { caption: 'text' } }]);
  });

  test('columns and files that are not there are named, with those that are', async () => {
    const table = 'url,text\nhttp://a.invalid/,x\n';
    await expect(backend(table).check()).rejects.toMatchObject({
      code: 'config.invalid',
      message: 'The table of backend "a" has no column "caption".',
      remedy: 'Its columns are url, text.',
    });
    await expect(
      backend(table, { csv_caption_column: 'text', csv_url_column: 'link' }).check(),
    ).rejects.toThrow(/no column "link"/);
    await expect(backend(table, { csv_file: 'other.csv' }).check()).rejects.toMatchObject({
      code: 'backend.missing',
    });
    await expect(backend('').check()).rejects.toMatchObject({
      code: 'backend.missing',
      message: 'list.csv has no rows.',
    });
    await expect(backend(null, { csv_file: at('/none.csv?key=secret') }).check()).rejects.toMatchObject({
      code: 'backend.missing',
      message: expect.not.stringContaining('secret') as string,
    });
    server.answers.set('/list.csv', { status: 403 });
    await expect(backend(null, { csv_file: at('/list.csv') }).check()).rejects.toMatchObject({
      code: 'backend.denied',
    });
    const nobody = backend(null, { csv_file: 'http://127.0.0.1:9/list.csv' });
    await expect(nobody.check()).rejects.toMatchObject({ code: 'backend.unreachable' });
  });

  test.each([
    [{ csv_file: '' }, 'Backend "a" has no csv_file.'],
    [{ csv_caption_column: undefined }, 'Backend "a" has no csv_caption_column.'],
    [{ csv_url_column: 7 }, 'Backend "a" has 7 as its csv_url_column.'],
    [{ caption_strategy: 'textfile' }, 'Backend "a" has caption_strategy "textfile" with type csv.'],
  ])('refuses %j', (config, message) => {
    expect(() => backend('', config)).toThrow(
      expect.objectContaining({ code: 'config.invalid', message }) as Error,
    );
  });

  test('rows that are none are told, and the others are there', async () => {
    server.answers.set('/a', { body: 'text' });
    const source = backend(`url,caption\n${at('/a')},x\n1,2,3\n,no address\n`);
    expect(await paths(source)).toHaveLength(1);
    expect(source.problems?.()).toMatchObject([
      { code: 'dataset.bad-line', file: 'list.csv', line: 3 },
      { code: 'dataset.missing-fields', line: 4, message: 'The column "url" is empty.' },
    ]);
  });

  test('a reader that takes the files in order finds the next ones fetched', async () => {
    const source = backend(listOf(['/a', '/b', '/c', '/d', '/e', '/f', '/g']));
    const names = await paths(source);
    await source.read(names[0] ?? '');
    expect(server.requests.length).toBeLessThanOrEqual(5);
    for (const name of names) expect(await textOf(source, name)).toMatch(/^text of/);
    await source.close();
    // Each of them once, ahead or not.
    expect([...server.requests].sort()).toEqual(['/a', '/b', '/c', '/d', '/e', '/f', '/g']);
  });

  test('a signal ends waiting; closed, nothing is read', async () => {
    const source = backend(listOf(['/a']));
    const [name = ''] = await paths(source);
    const stop = new AbortController();
    stop.abort();
    await expect(source.check(stop.signal)).rejects.toMatchObject({ code: 'rpc.cancelled' });
    await expect(source.openStream(name, stop.signal)).rejects.toMatchObject({ code: 'rpc.cancelled' });
    await source.close();
    await expect(source.read(name)).rejects.toMatchObject({ code: 'backend.unreachable' });
    await source.close();
  });
});

describe('csv backend, cache', () => {
  test('what was fetched is kept for the next opening', async () => {
    const table = listOf(['/a']);
    const first = backend(table);
    await rowsOf(first);
    await first.close();
    const second = backend(table);
    expect(await rowsOf(second)).toMatchObject([{ row: { caption: 'text of /a' } }]);
    expect(server.asked('/a')).toBe(1);
    const files = [];
    for await (const { size } of second.list()) files.push(size);
    expect(files).toEqual(['text of /a'.length]);
  });

  test('it has a budget, and what was used longest ago makes room', async () => {
    const table = listOf(['/a', '/b', '/c']);
    // Each text has ten bytes: two of them fit.
    const cacheBytes = 25;
    const open = () => backend(table, {}, { cacheBytes });
    const read = async (path: string): Promise<void> => {
      now += 1000;
      const source = open();
      expect(await textOf(source, nameOf(at(path)))).toBe(`text of ${path}`);
      await source.close();
    };
    for (const path of ['/a', '/b', '/a', '/c']) {
      await read(path);
      server.requests.length = 0;
    }
    const kept = (await blobs.list('caches/csv/cache_a/files')).map(({ path }) => path.split('/').pop());
    expect(kept).toHaveLength(2);
    expect(kept).toContain(nameOf(at('/c')));
    const bytes = (await blobs.list('caches/csv/cache_a/files')).reduce(
      (sum, { sizeBytes }) => sum + sizeBytes,
      0,
    );
    expect(bytes).toBeLessThanOrEqual(cacheBytes);
  });

  test('a store that refuses is no failure', async () => {
    const refusing = new MemoryBlobStore(() => Promise.reject(new Error('full')));
    const source = backend(listOf(['/a']), {}, { blobs: refusing });
    expect(await rowsOf(source)).toMatchObject([{ row: { caption: 'text of /a' } }]);
    await source.close();
  });
});

describe('csv backend, bad addresses', () => {
  const REASON = (path: string): string => `${at(path)} answered 404.`;

  test('they stay in the list, and the report has the reason', async () => {
    const table = `${listOf(['/a'])}\n${at('/gone?key=secret')},x\nnowhere,x\n`;
    const source = backend(table);
    expect(await paths(source)).toHaveLength(3);
    expect((await rowsOf(source)).filter((row) => row === null)).toHaveLength(2);
    const problems = source.problems?.() ?? [];
    expect(problems.map(({ line, message }) => `${line}: ${message}`).sort()).toEqual([
      `3: ${REASON('/gone')}`,
      '4: "nowhere" is no address that begins with http:// or https://.',
    ]);
    expect(JSON.stringify(problems)).not.toContain('secret');
  });

  test('after three failures they are left alone for a day, and come back where they are mended', async () => {
    const table = `url,caption\n${at('/gone')},x\n`;
    const build = async (): Promise<string> => {
      const source = backend(table);
      const [row] = await rowsOf(source);
      const told = source.problems?.()[0]?.message ?? '';
      await source.close();
      return row === null ? told : 'read';
    };
    expect([await build(), await build()]).toEqual([REASON('/gone'), REASON('/gone')]);
    const alone = `${REASON('/gone')} It failed 3 times and is left alone for a day.`;
    expect([await build(), await build()]).toEqual([alone, alone]);
    expect(server.asked('/gone')).toBe(3);
    now += 25 * 60 * 60 * 1000;
    server.answers.set('/gone', { body: 'back' });
    expect([await build(), await build()]).toEqual(['read', 'read']);
    expect(server.asked('/gone')).toBe(4);
  });

  test('answers that break off, are too long or are no text', async () => {
    server.answers.set('/cut', { body: 'x'.repeat(1000), cutAfter: 10 });
    server.answers.set('/long', { body: 'x'.repeat(2 ** 20 + 1) });
    server.answers.set('/png', { body: Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0) });
    const table = ['url,caption', ...['/cut', '/long', '/png'].map((path) => `${at(path)},`)].join('\n');
    const source = backend(table, {}, { fileBytes: 2 ** 20 });
    const rows = await rowsOf(source);
    expect(rows.filter((row) => row === null)).toHaveLength(2);
    expect(rows.find((row) => row !== null)).toMatchObject({
      kind: 'bad',
      line: 4,
      message: expect.stringContaining('is not a text file: it looks like a PNG image') as string,
    });
    const messages = (source.problems?.() ?? []).map(({ message }) => message).sort();
    expect(messages[0]).toMatch(/^The connection for .*\/cut ended after \d+ bytes\.$/);
    expect(messages[1]).toBe(`${at('/long')} has more than the 1 MiB that one address may have.`);
  });

  test('trouble that passes is no failure', async () => {
    server.answers.set('/busy', { status: 503 });
    const busy = server.requests;
    const source = backend(
      `url,caption\n${at('/busy')},\n`,
      {},
      {
        clock: {
          now: () => now,
          dice: () => 1,
          sleep: () => Promise.resolve(void server.answers.set('/busy', { body: 'text' })),
        },
      },
    );
    expect(await rowsOf(source)).toMatchObject([{ row: { caption: 'text' } }]);
    expect(busy).toEqual(['/busy', '/busy']);
  });
});
