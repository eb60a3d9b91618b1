// What every backend that can be written promises beyond reading, and what every other one answers to a write. It runs under Node
// and in the browser.
import { describe, expect, test } from 'vitest';
import type { DataBackend } from '../../src/data/backends/data-backend';
import {
  bytesOf as bytes,
  describeReading,
  encodeText as encode,
  listed,
  pathsOf as paths,
  type GivenPlace,
} from './data-backend-reading';

const textOf = (content: Uint8Array | null): string | null =>
  content === null ? null : new TextDecoder().decode(content);

/** @param open a fresh one each time, empty. */
export function describeWritableBackend(kind: string, open: () => Promise<DataBackend>): void {
  describeReading(`${kind} (writable)`, async () => {
    const backend = await open();
    const files = new Map([
      ['a/b/data.txt', encode('A line of text.\n'.repeat(4500))],
      ['a/second.jsonl', encode('{"text":"one"}\n{"text":"two"}\n')],
      ['empty.md', bytes()],
    ]);
    for (const [path, content] of files) await backend.write(path, content);
    return { type: kind, writable: true, backend, files };
  });

  describe(`data backend ${kind}, written`, () => {
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

    test('data backend: closed, nothing is written', async () => {
      const backend = await open();
      await backend.close();
      const closed = { code: 'backend.unreachable' };
      await expect(backend.write('f', bytes(1))).rejects.toMatchObject(closed);
      await expect(backend.delete('f')).rejects.toMatchObject(closed);
    });
  });
}

/** @param given a fresh one each time. */
export function describeReadOnlyBackend(
  name: string,
  given: () => Promise<Omit<GivenPlace, 'writable'>>,
): void {
  describeReading(name, async () => ({ ...(await given()), writable: false }));

  describe(`data backend ${name}, read only`, () => {
    test('data backend: refuses every write by the same error, and its files stay', async () => {
      const { backend, files } = await given();
      const { location } = backend.describe();
      const [path = ''] = files.keys();
      const refused = (at: string) => ({
        code: 'backend.read-only',
        message: `Nothing can be written into ${location}: "${at}" was refused.`,
      });
      await expect(backend.write(path, bytes(1))).rejects.toMatchObject(refused(path));
      await expect(backend.write('new.txt', bytes(1))).rejects.toMatchObject(refused('new.txt'));
      await expect(backend.writeBatch([['new.txt', bytes(1)]])).rejects.toMatchObject(refused('new.txt'));
      await expect(backend.delete(path)).rejects.toMatchObject(refused(path));
      await expect(backend.write('../out', bytes(1))).rejects.toMatchObject({ code: 'storage.bad-path' });
      expect(await backend.read(path)).toEqual(files.get(path));
    });
  });
}
