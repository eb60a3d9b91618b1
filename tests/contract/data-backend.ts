// What every backend that can be written promises, as a suite that runs under Node and in the browser.
import { describe, expect, test } from 'vitest';
import type { BackendFile, DataBackend, ListOptions } from '../../src/data/backends/data-backend';

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => new Uint8Array(values);
const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const textOf = (content: Uint8Array | null): string | null =>
  content === null ? null : new TextDecoder().decode(content);

async function listed(backend: DataBackend, options?: ListOptions): Promise<BackendFile[]> {
  const files: BackendFile[] = [];
  for await (const file of backend.list(options)) files.push(file);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const paths = async (backend: DataBackend, options?: ListOptions): Promise<string[]> =>
  (await listed(backend, options)).map(({ path }) => path);

async function drain(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array | null> {
  return stream === null ? null : new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Faster than a comparison that could show every difference. */
function same(found: Uint8Array | null, expected: Uint8Array): boolean {
  return found?.length === expected.length && found.every((byte, index) => byte === expected[index]);
}

/** @param open a fresh one each time, empty and writable. */
export function describeDataBackend(kind: string, open: () => Promise<DataBackend>): void {
  describe(`data backend ${kind}`, () => {
    test('data backend: reaches an empty root, says what it is, and null for what is not there', async () => {
      const backend = await open();
      await backend.check();
      expect(backend.describe()).toMatchObject({ type: kind, writable: true });
      expect(structuredClone(backend.describe())).toEqual(backend.describe());
      expect(await listed(backend)).toEqual([]);
      expect(await backend.exists('no/such/file.txt')).toBe(false);
      expect(await backend.read('no/such/file.txt')).toBeNull();
      expect(await backend.open('no/such/file.txt')).toBeNull();
      expect(await backend.openStream('no/such/file.txt')).toBeNull();
      await backend.delete('no/such/file.txt');
    });

    test('data backend: a file whole, in parts and as a stream, an empty one too', async () => {
      const backend = await open();
      const content = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251);
      await backend.write('a/b/data.bin', content);
      await backend.write('empty', bytes());
      expect(same(await backend.read('a/b/data.bin'), content)).toBe(true);
      expect(same(await drain(await backend.openStream('a/b/data.bin')), content)).toBe(true);
      const source = await backend.open('a/b/data.bin');
      expect(source?.size).toBe(70_000);
      const part = await source?.slice(65_530, 65_540).arrayBuffer();
      expect(new Uint8Array(part ?? [])).toEqual(content.slice(65_530, 65_540));
      expect(await backend.read('empty')).toEqual(bytes());
      expect(await drain(await backend.openStream('empty'))).toEqual(bytes());
      expect((await backend.open('empty'))?.size).toBe(0);
      expect(await backend.exists('a/b/data.bin')).toBe(true);
      expect(await backend.exists('a/b')).toBe(false);
    });

    test('data backend: a write replaces all of the file, and keeps no hold of the bytes', async () => {
      const backend = await open();
      const content = encode('a long first content');
      await backend.write('f.txt', content);
      content.fill(0);
      expect(textOf(await backend.read('f.txt'))).toBe('a long first content');
      await backend.write('f.txt', encode('short'));
      expect(textOf(await backend.read('f.txt'))).toBe('short');
      expect(await listed(backend)).toMatchObject([{ path: 'f.txt', size: 5 }]);
    });

    test('data backend: lists at any depth with sizes and times, by ending whatever its case', async () => {
      const backend = await open();
      await backend.write('a.TXT', encode('12345'));
      await backend.write('train/b.txt', encode('1'));
      await backend.write('train/deep/c.JsonL', encode('22'));
      await backend.write('trainer/d.md', encode('333'));
      expect(await paths(backend)).toEqual(['a.TXT', 'train/b.txt', 'train/deep/c.JsonL', 'trainer/d.md']);
      expect(await paths(backend, { extensions: ['txt'] })).toEqual(['a.TXT', 'train/b.txt']);
      expect(await paths(backend, { extensions: ['TXT', 'jsonl'] })).toEqual([
        'a.TXT',
        'train/b.txt',
        'train/deep/c.JsonL',
      ]);
      expect(await paths(backend, { under: 'train/' })).toEqual(['train/b.txt', 'train/deep/c.JsonL']);
      expect(await paths(backend, { under: 'train' })).toEqual([
        'train/b.txt',
        'train/deep/c.JsonL',
        'trainer/d.md',
      ]);
      expect(await paths(backend, { under: 'train/de', extensions: ['md'] })).toEqual([]);
      const [first] = await listed(backend);
      expect(first?.size).toBe(5);
      expect(first?.lastModified).toEqual(expect.any(Number));
    });

    test.each(['.Spotlight-V100', '.Trashes', '.fseventsd', '.TemporaryItems', '.zfs', '.ipynb_checkpoints'])(
      'data backend: what systems keep for themselves in %s is not listed',
      async (folder) => {
        const backend = await open();
        await backend.write(`${folder}/a.txt`, bytes(1));
        await backend.write(`data/${folder}/deep/b.txt`, bytes(1));
        await backend.write('data/c.txt', bytes(1));
        expect(await paths(backend)).toEqual(['data/c.txt']);
      },
    );

    test('data backend: names with spaces, signs and letters of any language', async () => {
      const backend = await open();
      const names = [
        'a b+c.txt',
        "it's (1)!*.txt",
        'año 東京 ✓.txt',
        'per%20cent.txt',
        'amp&lt;.txt',
        'ke=y,$;@~#.txt',
      ];
      for (const name of names) await backend.write(`dir é/${name}`, encode(name));
      expect(await paths(backend)).toEqual(names.map((name) => `dir é/${name}`).sort());
      for (const name of names) expect(textOf(await backend.read(`dir é/${name}`))).toBe(name);
    });

    test.each(['', '/a', 'a/', 'a//b', '../a', 'a/../b', './a', 'a/.'])(
      'data backend: the path %j leads nowhere and is refused by every call',
      async (path) => {
        const backend = await open();
        const refused = { code: 'storage.bad-path' };
        await expect(backend.write(path, bytes(1))).rejects.toMatchObject(refused);
        await expect(backend.read(path)).rejects.toMatchObject(refused);
        await expect(backend.open(path)).rejects.toMatchObject(refused);
        await expect(backend.openStream(path)).rejects.toMatchObject(refused);
        await expect(backend.exists(path)).rejects.toMatchObject(refused);
        await expect(backend.delete(path)).rejects.toMatchObject(refused);
      },
    );

    test('data backend: deletes a file and nothing beside it', async () => {
      const backend = await open();
      await backend.writeBatch([
        ['a/one', bytes(1)],
        ['a/two', bytes(2)],
      ]);
      await backend.delete('a/one');
      expect(await backend.read('a/one')).toBeNull();
      expect(await paths(backend)).toEqual(['a/two']);
    });

    test('data backend: a batch tries every file and then tells the first that failed', async () => {
      const backend = await open();
      const files = Array.from({ length: 40 }, (_, index) => [`n/${index}`, bytes(index)] as const);
      const failing = [...files.slice(0, 20), ['../out', bytes(1)] as const, ...files.slice(20)];
      await expect(backend.writeBatch(failing)).rejects.toMatchObject({ code: 'storage.bad-path' });
      expect(await paths(backend)).toHaveLength(40);
      expect(await backend.read('n/39')).toEqual(bytes(39));
    });

    test('data backend: a signal ends a listing, a stream and a check', async () => {
      const backend = await open();
      for (let index = 0; index < 40; index++) await backend.write(`f${index}`, bytes(1, 2, 3));
      const cancelled = { code: 'rpc.cancelled' };
      const stop = new AbortController();
      const files = backend.list({ signal: stop.signal })[Symbol.asyncIterator]();
      expect((await files.next()).done).toBe(false);
      const stream = await backend.openStream('f1', stop.signal);
      await stream?.cancel();
      stop.abort();
      await expect(backend.check(stop.signal)).rejects.toMatchObject(cancelled);
      await expect(backend.openStream('f1', stop.signal)).rejects.toMatchObject(cancelled);
      await expect(listed(backend, { signal: stop.signal })).rejects.toMatchObject(cancelled);
      await files.return?.();
    });

    test('data backend: a reader that stops early leaves the backend usable', async () => {
      const backend = await open();
      for (let index = 0; index < 40; index++) await backend.write(`f${index}`, bytes(1));
      for await (const _file of backend.list()) break;
      expect(await paths(backend)).toHaveLength(40);
    });

    test('data backend: closed, nothing is read or written', async () => {
      const backend = await open();
      await backend.write('f', bytes(1));
      await backend.close();
      const closed = { code: 'backend.unreachable' };
      await expect(backend.read('f')).rejects.toMatchObject(closed);
      await expect(backend.exists('f')).rejects.toMatchObject(closed);
      await expect(backend.write('f', bytes(1))).rejects.toMatchObject(closed);
      await expect(backend.check()).rejects.toMatchObject(closed);
      await expect(listed(backend)).rejects.toMatchObject(closed);
      await backend.close();
    });
  });
}
