// What every blob store promises, run on all of them with the browser's own storage.
import { describe, expect, test } from 'vitest';
import { toBlob, type BlobContent } from '../../src/lib/storage/blob-content';
import type { BlobStore } from '../../src/lib/storage/blob-store';
import { IndexedDbBlobStore } from '../../src/lib/storage/indexeddb-blob-store';
import { MemoryBlobStore } from '../../src/lib/storage/memory-blob-store';
import { OpfsBlobStore } from '../../src/lib/storage/opfs-blob-store';
import { streamToFile } from '../../src/lib/storage/opfs-writer';

type Fault = () => Promise<void>;
const none: Fault = () => Promise.resolve();

/** Opens a fresh store whose writer calls `fault` after it took the content. */
const stores: Record<BlobStore['kind'], (name: string, fault: Fault) => Promise<BlobStore>> = {
  memory: (_name, fault) => Promise.resolve(new MemoryBlobStore(collectThen(fault))),
  indexeddb: (name, fault) => IndexedDbBlobStore.open(name, collectThen(fault)),
  opfs: (name, fault) =>
    OpfsBlobStore.open(name, async (file, content) => {
      await streamToFile(file, content);
      await fault();
    }),
};

function collectThen(fault: Fault): (content: BlobContent) => Promise<Blob> {
  return async (content) => {
    const blob = await toBlob(content);
    await fault();
    return blob;
  };
}

const bytes = (...values: number[]) => new Uint8Array(values);
const textOf = async (blob: Blob | null) => (blob === null ? null : blob.text());

describe.each(Object.entries(stores))('blob store %s', (kind, open) => {
  const fresh = (fault: Fault = none) => open(`contract-${crypto.randomUUID()}`, fault);

  test('blob store: says what it stands on and reads null where nothing was written', async () => {
    const store = await fresh();
    expect(store.kind).toBe(kind);
    expect(await store.read('no/such/file')).toBeNull();
    expect(await store.list('no')).toEqual([]);
  });

  test('blob store: keeps bytes, blobs and streams, and slices them', async () => {
    const store = await fresh();
    await store.write('a/bytes', bytes(1, 2, 3));
    await store.write('a/blob', new Blob(['héllo']));
    await store.write('a/stream', new Blob(['one', 'two']).stream());
    await store.write('a/empty', bytes());
    expect(new Uint8Array((await (await store.read('a/bytes'))?.arrayBuffer()) ?? [])).toEqual(
      bytes(1, 2, 3),
    );
    expect(await textOf(await store.read('a/blob'))).toBe('héllo');
    expect(await (await store.read('a/stream'))?.slice(3, 5).text()).toBe('tw');
    expect((await store.read('a/empty'))?.size).toBe(0);
  });

  test('blob store: a write replaces the whole content', async () => {
    const store = await fresh();
    await store.write('f', new Blob(['a long first content']));
    await store.write('f', new Blob(['short']));
    expect(await textOf(await store.read('f'))).toBe('short');
    expect(await store.list('')).toEqual([{ path: 'f', sizeBytes: 5 }]);
  });

  test('blob store: later changes of the bytes that were written do not show', async () => {
    const store = await fresh();
    const content = bytes(1);
    await store.write('f', content);
    content[0] = 9;
    expect(new Uint8Array((await (await store.read('f'))?.arrayBuffer()) ?? [])).toEqual(bytes(1));
  });

  test('blob store: lists at any depth, sorted, without neighbours of the same prefix', async () => {
    const store = await fresh();
    for (const path of ['run/b/2', 'run/a', 'runner/x', 'run/b/1']) await store.write(path, bytes(1));
    expect((await store.list('run')).map((entry) => entry.path)).toEqual(['run/a', 'run/b/1', 'run/b/2']);
    expect((await store.list('')).length).toBe(4);
  });

  test('blob store: moves a file over another one; what is not there cannot be moved', async () => {
    const store = await fresh();
    await store.write('from/deep/f', new Blob(['new']));
    await store.write('to/f', new Blob(['the old one']));
    await store.move('from/deep/f', 'to/f');
    expect(await textOf(await store.read('to/f'))).toBe('new');
    expect((await store.list('')).map((entry) => entry.path)).toEqual(['to/f']);
    await expect(store.move('from/deep/f', 'to/g')).rejects.toMatchObject({ code: 'storage.missing' });
    expect((await store.list('')).map((entry) => entry.path)).toEqual(['to/f']);
  });

  test('blob store: removes files and folders; absent is no error', async () => {
    const store = await fresh();
    for (const path of ['run/b/2', 'run/a', 'runner/x']) await store.write(path, bytes(1));
    await store.remove('run/a');
    await store.remove('run');
    await store.remove('run/never/was');
    expect((await store.list('')).map((entry) => entry.path)).toEqual(['runner/x']);
  });

  test.each([
    '',
    '/a',
    'a/',
    'a//b',
    '../a',
    'a/../b',
    './a',
    'a\\b',
    'a\u0000',
    'a\nb',
    'a/..',
    'x:y',
    'a/. ',
  ])('blob store: refuses the path %j for every call', async (path) => {
    const store = await fresh();
    const refused = { code: 'storage.bad-path' };
    await expect(store.write(path, bytes(1))).rejects.toMatchObject(refused);
    await expect(store.read(path)).rejects.toMatchObject(refused);
    await expect(store.remove(path)).rejects.toMatchObject(refused);
    if (path !== '') await expect(store.list(path)).rejects.toMatchObject(refused);
  });

  test('blob store: a file is never a folder', async () => {
    const store = await fresh();
    await store.write('a/b', bytes(1));
    await expect(store.write('a', bytes(2))).rejects.toMatchObject({ code: 'storage.bad-path' });
    await expect(store.write('a/b/c', bytes(2))).rejects.toMatchObject({ code: 'storage.bad-path' });
    expect(await store.list('')).toEqual([{ path: 'a/b', sizeBytes: 1 }]);
  });

  test('blob store: a write that breaks off leaves the old content and nothing else', async () => {
    const store = await fresh();
    await store.write('f', new Blob(['old']));
    const broken = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes(1, 2)),
      pull: () => Promise.reject(new Error('cable pulled')),
    });
    await expect(store.write('f', broken)).rejects.toThrow();
    expect(await textOf(await store.read('f'))).toBe('old');
    expect((await store.list('')).length).toBe(1);
  });

  test('blob store: a full disk is told with bytes and a remedy and loses nothing', async () => {
    let full = false;
    const store = await fresh(() =>
      full ? Promise.reject(new DOMException('full', 'QuotaExceededError')) : Promise.resolve(),
    );
    await store.write('f', new Blob(['old']));
    full = true;
    await expect(store.write('f', bytes(1, 2))).rejects.toMatchObject({
      code: 'storage.quota',
      remedy: expect.stringContaining('Delete') as string,
      details: { path: 'f', neededBytes: 2, freeBytes: expect.any(Number) as number },
    });
    expect(await textOf(await store.read('f'))).toBe('old');
    full = false;
    await store.write('f', new Blob(['new']));
    expect(await textOf(await store.read('f'))).toBe('new');
  });

  test('blob store: simultaneous writes of one path leave one of them whole', async () => {
    const store = await fresh();
    const contents = ['aaaa', 'bbbbbbbb', 'cc'];
    await Promise.all(contents.map((content) => store.write('f', new Blob([content]))));
    expect(contents).toContain(await textOf(await store.read('f')));
    expect((await store.list('')).length).toBe(1);
  });
});
