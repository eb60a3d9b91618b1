// Against a local server that behaves like the hub and its service of datasets.
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HubServer, type HubRepository } from '../../../tests/support/hub-server';
import { readParquetRows } from '../reading/parquet-rows';
import type { DataBackend } from './data-backend';
import { createHuggingFaceBackend } from './huggingface-backend';

const ID = 'forge/texts';
const TOKEN = 'hf_secret';

const tableOf = (count: number): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'text', data: Array.from({ length: count }, (_, i) => `row ${i}`), type: 'STRING' },
      ],
      rowGroupSize: 100,
    }),
  );
const FILES = {
  'README.md': 'texts',
  'default/train/0000.parquet': tableOf(500),
  'default/train/0001.parquet': tableOf(300),
  'default/test/0000.parquet': tableOf(200),
  'other/train/0000.parquet': tableOf(1),
};

let hub: HubServer;
let waits: number[];
let asked: { url: string; authorization: string | null }[];

beforeAll(async () => {
  hub = await HubServer.start();
});
afterAll(() => hub.stop());
beforeEach(() => {
  hub.faults = [];
  hub.ranges = true;
  hub.pageSize = 1000;
  hub.repositories.clear();
  hub.tokens.clear();
  hub.requests.length = 0;
  add(FILES);
  waits = [];
  asked = [];
});

const add = (
  files: Record<string, Uint8Array | string>,
  options: Partial<HubRepository> = {},
): HubRepository => hub.add(ID, files, options);

interface Given {
  token?: string;
  hubUrl?: string;
  datasetsServer?: string;
}

function backend(
  config: object = {},
  { token, hubUrl = hub.url, datasetsServer = hub.url }: Given = {},
): DataBackend {
  return createHuggingFaceBackend({
    config: { id: 'a', type: 'huggingface', dataset_name: ID, ...config },
    secrets: token === undefined ? {} : { huggingface_token: token },
    endpoints: { hub: hubUrl, datasetsServer },
    fetch: (url, init) => {
      asked.push({
        url: new Request(url).url,
        authorization: new Headers(init?.headers).get('Authorization'),
      });
      return fetch(url, init);
    },
    clock: { now: () => 0, dice: () => 1, sleep: (ms) => Promise.resolve(void waits.push(ms)) },
    online: () => true,
  });
}

async function paths(source: DataBackend, options = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of source.list(options)) found.push(path);
  return found;
}

async function textsOf(source: DataBackend, path: string): Promise<unknown[]> {
  const file = await source.open(path);
  if (file === null) throw new Error(`no ${path}`);
  const texts: unknown[] = [];
  for await (const event of readParquetRows(file, path))
    if (event.kind === 'row') texts.push(event.row['text']);
  return texts;
}

describe('huggingface backend', () => {
  test('lists the files of the split with their sizes, the default configuration before others', async () => {
    const source = backend();
    const files = [];
    for await (const file of source.list()) files.push(file);
    expect(files).toEqual([
      {
        path: 'default/train/0000.parquet',
        size: FILES['default/train/0000.parquet'].length,
        lastModified: null,
      },
      {
        path: 'default/train/0001.parquet',
        size: FILES['default/train/0001.parquet'].length,
        lastModified: null,
      },
    ]);
    expect(source.describe()).toEqual({
      id: 'a',
      type: 'huggingface',
      location: 'forge/texts (train)',
      writable: false,
    });
    expect(await paths(backend({ split: 'test' }))).toEqual(['default/test/0000.parquet']);
    expect(await paths(backend({ dataset_config: 'other' }))).toEqual(['other/train/0000.parquet']);
    expect(hub.requests).toHaveLength(3);
  });

  test('a dataset that the hub gives in part only says so', async () => {
    add(FILES, { partial: true });
    const source = backend();
    await source.check();
    expect(source.problems?.()).toMatchObject([{ code: 'dataset.partial', file: ID }]);
    add(FILES);
    await source.check();
    expect(source.problems?.()).toEqual([]);
  });

  test('keys may stand in a huggingface block', async () => {
    expect(await paths(backend({ huggingface: { split: 'test' } }))).toEqual(['default/test/0000.parquet']);
  });

  test('reads rows by ranges, through the redirect that it remembers', async () => {
    const texts = await textsOf(backend(), 'default/train/0001.parquet');
    expect(texts).toEqual(Array.from({ length: 300 }, (_, i) => `row ${i}`));
    expect(hub.asked('hub', /resolve/)).toHaveLength(1);
    expect(hub.asked('cdn', /0001/).every(({ range }) => range?.startsWith('bytes=') === true)).toBe(true);
  });

  test('whole files, streams and what is not there', async () => {
    const source = backend();
    const path = 'default/train/0000.parquet';
    const whole = FILES[path];
    expect(await source.read(path)).toEqual(whole);
    const stream = await source.openStream(path);
    expect(new Uint8Array(await new Response(stream).arrayBuffer())).toEqual(whole);
    expect(await source.exists(path)).toBe(true);
    expect(await source.exists('default/train')).toBe(false);
    expect(await source.read('no.parquet')).toBeNull();
    expect(await source.open('no.parquet')).toBeNull();
    expect(await source.openStream('no.parquet')).toBeNull();
    await expect(source.read('../a')).rejects.toMatchObject({ code: 'storage.bad-path' });
  });

  test('nothing can be written', async () => {
    const refused = { code: 'backend.read-only' };
    await expect(backend().write('a', new Uint8Array())).rejects.toMatchObject(refused);
    await expect(backend().writeBatch([['a', new Uint8Array()]])).rejects.toMatchObject(refused);
    await expect(backend().delete('a')).rejects.toMatchObject(refused);
  });

  test('a revision: the tables of the repository at it, split and configuration by their names', async () => {
    add(
      {
        'data/train-00000-of-00001.parquet': tableOf(3),
        'data/validation-00000-of-00001.parquet': tableOf(2),
        'data/trainer.parquet': tableOf(1),
        'en/train/0.parquet': tableOf(1),
        'notes.txt': 'x',
      },
      { revisions: ['main', 'refs/pr/1'] },
    );
    hub.pageSize = 2;
    const source = backend({ revision: 'refs/pr/1' });
    expect(await paths(source)).toEqual(['data/train-00000-of-00001.parquet', 'en/train/0.parquet']);
    expect(await textsOf(source, 'data/train-00000-of-00001.parquet')).toEqual(['row 0', 'row 1', 'row 2']);
    expect(await paths(backend({ revision: 'main', dataset_config: 'en' }))).toEqual(['en/train/0.parquet']);
    expect(await paths(backend({ revision: 'main', split: 'validation' }))).toHaveLength(1);
    await expect(paths(backend({ revision: 'main', split: 'test' }))).rejects.toMatchObject({
      code: 'backend.missing',
    });
    await expect(paths(backend({ revision: 'gone' }))).rejects.toMatchObject({
      code: 'backend.missing',
      message: 'forge/texts has no revision "gone".',
    });
  });

  test('a revision: files that name no split are the training part', async () => {
    add({ 'part-0.parquet': tableOf(1), 'part-1.parquet': tableOf(1) });
    expect(await paths(backend({ revision: 'main' }))).toHaveLength(2);
    await expect(paths(backend({ revision: 'main', split: 'test' }))).rejects.toMatchObject({
      code: 'backend.missing',
    });
  });

  test('a split or configuration that is not there is named, with those that are', async () => {
    await expect(backend({ split: 'dev' }).check()).rejects.toMatchObject({
      code: 'backend.missing',
      message: 'forge/texts has no split "dev".',
      remedy: 'There are: train, test.',
    });
    await expect(backend({ dataset_config: 'fr' }).check()).rejects.toMatchObject({
      message: 'forge/texts has no configuration "fr".',
      remedy: 'There are: default, other.',
    });
    add({ 'a/train/0.parquet': tableOf(1), 'b/train/0.parquet': tableOf(1) });
    await expect(backend().check()).rejects.toMatchObject({
      code: 'config.invalid',
      remedy: 'Set dataset_config to one of a, b.',
    });
    add({ 'a/train/0.parquet': tableOf(1) });
    expect(await paths(backend())).toEqual(['a/train/0.parquet']);
  });

  test.each([undefined, '', '../x', 'a b', 'a/b/c'])('refuses the dataset_name %j', (dataset_name) => {
    expect(() => backend({ dataset_name })).toThrow(
      expect.objectContaining({ code: 'config.invalid' }) as Error,
    );
  });
});

describe('huggingface backend, rows', () => {
  test('rows are those that its filter_func takes', async () => {
    const words = ['anvil', 'tongs', 'anvil'];
    const columnData = [
      { name: 'text', data: ['a', 'b', 'c'], type: 'STRING' as const },
      { name: 'collection', data: words, type: 'STRING' as const },
    ];
    add({ 'default/train/0.parquet': new Uint8Array(parquetWriteBuffer({ columnData })) });
    const source = backend({
      filter_func: { collection: 'anvil' },
      format: 'text',
      mapping: { text: 'text' },
    });
    const blob = await source.open('default/train/0.parquet');
    const rows = [];
    for await (const event of source.rows?.({ name: '0.parquet', blob: blob ?? new Blob() }, {}) ?? [])
      rows.push(event);
    expect(rows).toEqual([
      { kind: 'row', row: { text: 'a' }, line: 1 },
      { kind: 'row', row: { text: 'c' }, line: 3 },
    ]);
  });
});

describe('huggingface backend, access', () => {
  test('a gated dataset is read with a token, which no other host sees', async () => {
    add(FILES, { gated: true });
    hub.tokens.set(TOKEN, new Set([ID]));
    expect(await textsOf(backend({}, { token: TOKEN }), 'default/train/0001.parquet')).toHaveLength(300);
    expect(hub.asked('hub', /./).map(({ authorization }) => authorization)).toEqual([
      `Bearer ${TOKEN}`,
      `Bearer ${TOKEN}`,
    ]);
    expect(hub.asked('cdn', /./).map(({ authorization }) => authorization)).not.toContain(`Bearer ${TOKEN}`);
    expect(hub.asked('cdn', /./).length).toBeGreaterThan(0);
  });

  test('addresses at a host that is neither the hub nor its service are asked without the token', async () => {
    hub.tokens.set(TOKEN, new Set([ID]));
    const source = backend(
      {},
      { token: TOKEN, hubUrl: 'https://elsewhere.invalid', datasetsServer: hub.url },
    );
    await paths(source);
    const [first] = asked;
    expect(first?.authorization).toBe(`Bearer ${TOKEN}`);
    // The service now names files at the other one's address, as far as the backend knows.
    const moved = backend(
      {},
      {
        token: TOKEN,
        datasetsServer: hub.url.replace('127.0.0.1', 'localhost'),
        hubUrl: 'https://elsewhere.invalid',
      },
    );
    asked.length = 0;
    await textsOf(moved, 'default/train/0001.parquet');
    const files = asked.filter(({ url }) => url.includes('/resolve/'));
    expect(files.length).toBeGreaterThan(0);
    expect(files.every(({ authorization }) => authorization === null)).toBe(true);
  });

  test('a token is not sent without encryption', async () => {
    const far = { hubUrl: 'http://hub.example', datasetsServer: 'http://hub.example' };
    await expect(backend({}, { token: TOKEN, ...far }).check()).rejects.toMatchObject({
      code: 'backend.denied',
      message: 'A token is not sent to hub.example without encryption.',
    });
    expect(asked).toEqual([]);
  });

  test('denied: without a token, with a wrong one, with one that may not', async () => {
    add(FILES, { gated: true });
    hub.tokens.set(TOKEN, new Set());
    await expect(backend().check()).rejects.toMatchObject({
      code: 'backend.denied',
      message: 'forge/texts is private, or for those only who accepted its terms.',
    });
    for (const token of ['hf_wrong', TOKEN]) {
      const denied = await backend({}, { token })
        .check()
        .catch((error: unknown) => error);
      expect(denied).toMatchObject({
        code: 'backend.denied',
        message: 'The token may not read forge/texts, or is not valid.',
      });
      expect(JSON.stringify(denied) + String((denied as Error).stack)).not.toContain(token);
    }
    expect(waits).toEqual([]);
  });

  test('missing: no such dataset', async () => {
    hub.tokens.set(TOKEN, new Set());
    const source = backend({ dataset_name: 'forge/none' }, { token: TOKEN });
    await expect(source.check()).rejects.toMatchObject({
      code: 'backend.missing',
      message: 'There is no dataset forge/none that the token may see.',
    });
  });

  test('access that ends while a file is read', async () => {
    const source = backend();
    const file = await source.open('default/train/0000.parquet');
    hub.faults = [{ where: 'hub', path: /resolve/, times: 1, kind: 'status', status: 403 }];
    await expect(file?.slice(0, 10).arrayBuffer()).rejects.toMatchObject({ code: 'backend.denied' });
    expect((await file?.slice(0, 4).arrayBuffer())?.byteLength).toBe(4);
    hub.repositories.clear();
    hub.expireSignatures();
    await expect(file?.slice(0, 10).arrayBuffer()).rejects.toMatchObject({ code: 'backend.denied' });
  });
});

describe('huggingface backend, trouble', () => {
  test('too many requests: waits as long as is asked for, and gives up where it is too long', async () => {
    hub.faults = [
      {
        where: 'hub',
        path: /parquet/,
        times: 1,
        kind: 'status',
        status: 429,
        headers: { 'Retry-After': '7' },
      },
    ];
    await backend().check();
    expect(waits).toEqual([7000]);
    hub.faults = [
      {
        where: 'hub',
        path: /parquet/,
        times: 9,
        kind: 'status',
        status: 429,
        headers: { 'Retry-After': '9999' },
      },
    ];
    await expect(backend().check()).rejects.toMatchObject({
      code: 'backend.unreachable',
      message: expect.stringContaining('refuses more requests until 1970-01-01T02:46:39') as string,
      remedy: expect.not.stringContaining('is kept') as string,
    });
  });

  test('a signed address that ended is asked for anew', async () => {
    const source = backend();
    const file = await source.open('default/train/0000.parquet');
    await file?.slice(0, 4).arrayBuffer();
    hub.expireSignatures();
    const part = new Uint8Array((await file?.slice(0, 4).arrayBuffer()) ?? []);
    expect(new TextDecoder().decode(part)).toBe('PAR1');
  });

  test('an answer that is cut off is asked for again, and told as unreachable once it is given up', async () => {
    const source = backend();
    const path = 'default/train/0000.parquet';
    hub.faults = [{ where: 'cdn', path: /0000/, times: 2, kind: 'cut', afterBytes: 10 }];
    expect(await source.read(path)).toEqual(FILES[path]);
    hub.faults = [{ where: 'cdn', path: /0000/, times: 99, kind: 'cut', afterBytes: 10 }];
    await expect(source.read(path)).rejects.toMatchObject({
      code: 'backend.unreachable',
      details: { code: 'download.cut' },
    });
  });

  test('a file that has another size than was told', async () => {
    hub.faults = [{ where: 'cdn', path: /0000/, times: 9, kind: 'size', sizeBytes: 5000 }];
    await expect(textsOf(backend(), 'default/train/0000.parquet')).rejects.toMatchObject({
      code: 'backend.unreachable',
    });
  });

  test('a server without ranges gives whole files and refuses parts', async () => {
    hub.ranges = false;
    const source = backend();
    const path = 'default/train/0000.parquet';
    expect(await source.read(path)).toEqual(FILES[path]);
    const file = await source.open(path);
    await expect(file?.slice(5, 10).arrayBuffer()).rejects.toMatchObject({ code: 'backend.unreachable' });
  });

  test('nobody there, and an answer that makes no sense', async () => {
    const nobody = { hubUrl: 'http://127.0.0.1:9', datasetsServer: 'http://127.0.0.1:9' };
    await expect(backend({}, nobody).check()).rejects.toMatchObject({
      code: 'backend.unreachable',
      message: '127.0.0.1:9 does not answer.',
    });
    hub.faults = [{ where: 'hub', path: /parquet/, times: 1, kind: 'status', status: 200 }];
    await expect(backend().check()).rejects.toMatchObject({
      code: 'backend.unreachable',
      message: expect.stringContaining('gave no answer that makes sense') as string,
    });
    hub.faults = [{ where: 'hub', path: /parquet/, times: 1, kind: 'status', status: 501 }];
    await expect(backend().check()).rejects.toMatchObject({
      message: expect.stringContaining('status 501') as string,
    });
  });

  test('a listing that failed is asked for again', async () => {
    const source = backend();
    hub.faults = [{ where: 'hub', path: /parquet/, times: 1, kind: 'status', status: 404 }];
    await expect(paths(source)).rejects.toMatchObject({ code: 'backend.missing' });
    expect(await paths(source)).toHaveLength(2);
  });

  test('a signal ends a listing and a stream; closed, nothing is read', async () => {
    const source = backend();
    const stop = new AbortController();
    const file = await source.open('default/train/0000.parquet');
    stop.abort();
    const cancelled = { code: 'rpc.cancelled' };
    await expect(source.check(stop.signal)).rejects.toMatchObject(cancelled);
    await expect(paths(source, { signal: stop.signal })).rejects.toMatchObject(cancelled);
    await expect(source.openStream('default/train/0000.parquet', stop.signal)).rejects.toMatchObject(
      cancelled,
    );
    await source.close();
    const closed = { code: 'backend.unreachable', message: 'forge/texts (train) was closed.' };
    await expect(source.check()).rejects.toMatchObject(closed);
    await expect(paths(source)).rejects.toMatchObject(closed);
    await expect(source.read('default/train/0000.parquet')).rejects.toMatchObject(closed);
    await expect(file?.slice(0, 9).arrayBuffer()).rejects.toMatchObject(closed);
    await source.close();
  });
});
