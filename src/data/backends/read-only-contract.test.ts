// The contract of data backends on those that are only read: a list of files, a table of addresses, a dataset of a hub and a
// place that a plugin brings.
import { createHash } from 'node:crypto';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeReadOnlyBackend } from '../../../tests/contract/data-backend';
import { encodeText } from '../../../tests/contract/data-backend-reading';
import { AddressServer } from '../../../tests/support/address-server';
import { HubServer } from '../../../tests/support/hub-server';
import { openNotebook } from '../../../tests/support/open-notebook';
import { MemoryBlobStore } from '../../lib/storage/memory-blob-store';
import type { BackendConfigJson } from '../../protocol/backends';
import type { BackendOptions } from './backend-options';
import { createCsvBackend } from './csv-backend';
import { FileListBackend } from './file-list-backend';
import { createHuggingFaceBackend } from './huggingface-backend';
import { openPluginPlace } from './plugin-place';

let addresses: AddressServer;
let hub: HubServer;

beforeAll(async () => {
  [addresses, hub] = await Promise.all([AddressServer.start(), HubServer.start()]);
});
afterAll(() => Promise.all([addresses.stop(), hub.stop()]));

const TEXTS = { 'notes/anvil.txt': 'An anvil is heavy.\n', 'notes/tongs.md': '# Tongs', 'horn.txt': '' };

function optionsOf(config: BackendConfigJson): BackendOptions {
  return {
    config,
    secrets: {},
    folder: null,
    blobs: new MemoryBlobStore(),
    fetch,
    clock: { now: () => 0, dice: () => 1, sleep: () => Promise.resolve() },
    online: () => true,
  };
}

const encoded = (texts: Record<string, string>): Map<string, Uint8Array<ArrayBuffer>> =>
  new Map(Object.entries(texts).map(([path, text]) => [path, encodeText(text)]));

/** As an <input> gives it. */
const chosen = (path: string, text: string): File =>
  Object.assign(new File([text], path), { webkitRelativePath: path });

describeReadOnlyBackend('file list', () => {
  const files = Object.entries(TEXTS).map(([path, text]) => chosen(`folder/${path}`, text));
  const backend = new FileListBackend({ id: 'contract', files });
  return Promise.resolve({ type: 'local', backend, files: encoded(TEXTS) });
});

describeReadOnlyBackend('csv', () => {
  const rows = Object.entries(TEXTS).map(([path, body]) => {
    addresses.answers.set(`/${path}`, { body });
    return `${addresses.url}/${path}`;
  });
  const config = {
    ...{ id: 'contract', type: 'csv', caption_strategy: 'csv', csv_file: 'list.csv' },
    ...{ csv_caption_column: 'caption', csv_cache_dir: 'cache' },
  };
  const table = ['url,caption', ...rows.map((url) => `${url},`)].join('\n');
  const backend = createCsvBackend({ ...optionsOf(config), folder: [chosen('list.csv', table)] });
  const nameOf = (url: string): string =>
    `${createHash('sha256').update(url).digest('hex')}.${url.endsWith('.md') ? 'md' : 'txt'}`;
  const files = new Map(
    rows.map((url, at) => [nameOf(url), encodeText(Object.values(TEXTS)[at] ?? '')] as const),
  );
  return Promise.resolve({ type: 'csv', backend, files });
});

describeReadOnlyBackend('huggingface', () => {
  const tableOf = (text: string): Uint8Array<ArrayBuffer> =>
    new Uint8Array(
      parquetWriteBuffer({ columnData: [{ name: 'text', data: [text, text], type: 'STRING' }] }),
    );
  const files = new Map(
    ['0000', '0001'].map((part) => [`default/train/${part}.parquet`, tableOf(`row of ${part}`)] as const),
  );
  hub.add('forge/texts', Object.fromEntries(files));
  const backend = createHuggingFaceBackend({
    ...optionsOf({ id: 'contract', type: 'huggingface', dataset_name: 'forge/texts' }),
    endpoints: { hub: hub.url, datasetsServer: hub.url },
  });
  return Promise.resolve({ type: 'huggingface', backend, files });
});

describeReadOnlyBackend('of a plugin', async () => {
  addresses.answers.set('/index.json', { body: JSON.stringify(Object.keys(TEXTS)) });
  for (const [path, body] of Object.entries(TEXTS)) addresses.answers.set(`/${path}`, { body });
  const config = { id: 'contract', type: 'notebook', notebook_url: addresses.url };
  const place = await openNotebook(optionsOf(config));
  return { type: 'notebook', backend: openPluginPlace(place, { config }), files: encoded(TEXTS) };
});

describe('place of a plugin', () => {
  const config = { id: 'p', type: 'shelf' };
  const place = {
    describe: () => ({ location: 'the shelf' }),
    check: () => Promise.resolve(),
    async *list() {
      for (const path of ['../out.txt', 'in.txt', 7, '/etc/passwd'])
        yield await Promise.resolve({ path, size: 'big', lastModified: undefined });
    },
    open: () => Promise.reject(Object.assign(new Error('locked'), { code: 'backend.denied' })),
    close: () => Promise.resolve(),
  };

  test('plugin place: paths that lead out of it, and sizes that are none, are not passed on', async () => {
    const found = [];
    for await (const file of openPluginPlace(place, { config }).list()) found.push(file);
    expect(found).toEqual([{ path: 'in.txt', size: null, lastModified: null }]);
  });

  test('plugin place: what it throws is told under its name, with the code that it gives', async () => {
    const backend = openPluginPlace(place, { config });
    await expect(backend.read('in.txt')).rejects.toMatchObject({
      code: 'backend.denied',
      message: 'the shelf: locked',
    });
    const odd = { ...place, check: () => Promise.reject(new TypeError('x is not a function')) };
    await expect(openPluginPlace(odd, { config }).check()).rejects.toMatchObject({
      code: 'backend.unreachable',
      message: 'the shelf: x is not a function',
    });
  });

  test('plugin place: one that lacks calls is refused with their names', () => {
    const { describe: _one, close: _other, ...lacking } = place;
    expect(() => openPluginPlace(lacking, { config })).toThrow('The place "shelf" opened no data backend.');
    try {
      openPluginPlace(lacking, { config });
    } catch (error) {
      expect(error).toMatchObject({ remedy: 'It has to answer describe, close.' });
    }
  });
});
