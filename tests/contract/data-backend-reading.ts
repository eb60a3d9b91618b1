// What every backend promises to whoever reads it, wherever its data lies, as a suite that runs under Node and in the browser.
import { describe, expect, test } from 'vitest';
import type { BackendFile, DataBackend, ListOptions } from '../../src/data/backends/data-backend';
import { readRows } from '../../src/data/reading/file-rows';

/** A backend with something in it. */
export interface GivenPlace {
  /** As it describes itself. */
  type: string;
  writable: boolean;
  backend: DataBackend;
  /** All that it lists, by path: two files or more, the first one with a row or more. */
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

export const bytesOf = (...values: number[]): Uint8Array<ArrayBuffer> => new Uint8Array(values);
export const encodeText = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** By path. */
export async function listed(backend: DataBackend, options?: ListOptions): Promise<BackendFile[]> {
  const files: BackendFile[] = [];
  for await (const file of backend.list(options)) files.push(file);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export const pathsOf = async (backend: DataBackend, options?: ListOptions): Promise<string[]> =>
  (await listed(backend, options)).map(({ path }) => path);

async function drain(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array | null> {
  return stream === null ? null : new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Faster than a comparison that could show every difference. */
function same(found: Uint8Array | null, expected: Uint8Array): boolean {
  return found?.length === expected.length && found.every((byte, index) => byte === expected[index]);
}

/** @param given a fresh one each time. */
export function describeReading(name: string, given: () => Promise<GivenPlace>): void {
  const first = ({ files }: GivenPlace): [string, Uint8Array<ArrayBuffer>] =>
    files.entries().next().value ?? ['', bytesOf()];

  describe(`data backend ${name}`, () => {
    test('data backend: reaches its root, says what it is, and null for what is not there', async () => {
      const { backend, type, writable } = await given();
      await backend.check();
      expect(backend.describe()).toMatchObject({ type, writable });
      expect(structuredClone(backend.describe())).toEqual(backend.describe());
      expect(await backend.exists('no/such/file.txt')).toBe(false);
      expect(await backend.read('no/such/file.txt')).toBeNull();
      expect(await backend.open('no/such/file.txt')).toBeNull();
      expect(await backend.openStream('no/such/file.txt')).toBeNull();
    });

    test('data backend: lists each file once, with the size and the time that it knows', async () => {
      const { backend, files } = await given();
      const found = await listed(backend);
      expect(found.map(({ path }) => path)).toEqual([...files.keys()].sort());
      for (const { path, size, lastModified } of found) {
        expect([null, files.get(path)?.length]).toContain(size);
        expect(lastModified === null || Number.isFinite(lastModified)).toBe(true);
      }
    });

    test('data backend: lists by the beginning of a path and by ending, whatever its case', async () => {
      const place = await given();
      const { backend } = place;
      const all = await pathsOf(backend);
      const [path] = first(place);
      const ending = path.slice(path.lastIndexOf('.') + 1);
      const under = path.slice(0, Math.ceil(path.length / 2));
      expect(await pathsOf(backend, { under })).toEqual(all.filter((each) => each.startsWith(under)));
      expect(await pathsOf(backend, { extensions: [ending.toUpperCase()] })).toEqual(
        all.filter((each) => each.endsWith(`.${ending}`)),
      );
      expect(await pathsOf(backend, { extensions: ['none'] })).toEqual([]);
    });

    test('data backend: a file whole, in parts and as a stream', async () => {
      const { backend, files } = await given();
      for (const [path, content] of files) {
        expect(await backend.exists(path)).toBe(true);
        expect(same(await backend.read(path), content)).toBe(true);
        expect(same(await drain(await backend.openStream(path)), content)).toBe(true);
        const source = await backend.open(path);
        expect(source?.size).toBe(content.length);
        const [start, end] = [content.length >> 1, (content.length >> 1) + 10];
        const part = await source?.slice(start, end).arrayBuffer();
        expect(new Uint8Array(part ?? [])).toEqual(content.slice(start, end));
      }
    });

    test('data backend: a file gives rows', async () => {
      const place = await given();
      const [path] = first(place);
      const blob = await place.backend.open(path);
      const read = place.backend.rows?.bind(place.backend) ?? readRows;
      const kinds: string[] = [];
      if (blob !== null) for await (const { kind } of read({ name: path, blob }, {})) kinds.push(kind);
      expect(kinds[0]).toBe('row');
    });

    test.each(['', '/a', 'a/', 'a//b', '../a', 'a/../b', './a', 'a/.', 'a\0b'])(
      'data backend: the path %j leads nowhere and is refused by every call',
      async (path) => {
        const { backend } = await given();
        const refused = { code: 'storage.bad-path' };
        await expect(backend.read(path)).rejects.toMatchObject(refused);
        await expect(backend.open(path)).rejects.toMatchObject(refused);
        await expect(backend.openStream(path)).rejects.toMatchObject(refused);
        await expect(backend.exists(path)).rejects.toMatchObject(refused);
        await expect(backend.write(path, bytesOf(1))).rejects.toMatchObject(refused);
        await expect(backend.delete(path)).rejects.toMatchObject(refused);
      },
    );

    test('data backend: a signal ends a listing, a stream and a check', async () => {
      const place = await given();
      const { backend } = place;
      const [path] = first(place);
      const cancelled = { code: 'rpc.cancelled' };
      const stop = new AbortController();
      const files = backend.list({ signal: stop.signal })[Symbol.asyncIterator]();
      expect((await files.next()).done).toBe(false);
      const stream = await backend.openStream(path, stop.signal);
      await stream?.cancel();
      stop.abort();
      await expect(backend.check(stop.signal)).rejects.toMatchObject(cancelled);
      await expect(backend.openStream(path, stop.signal)).rejects.toMatchObject(cancelled);
      await expect(listed(backend, { signal: stop.signal })).rejects.toMatchObject(cancelled);
      await files.return?.();
    });

    test('data backend: a reader that stops early leaves it usable', async () => {
      const { backend, files } = await given();
      for await (const _file of backend.list()) break;
      expect(await pathsOf(backend)).toHaveLength(files.size);
    });

    test('data backend: closed, nothing is read, and closing again is no error', async () => {
      const place = await given();
      const { backend } = place;
      const [path] = first(place);
      await backend.close();
      const closed = { code: 'backend.unreachable' };
      await expect(backend.read(path)).rejects.toMatchObject(closed);
      await expect(backend.exists(path)).rejects.toMatchObject(closed);
      await expect(backend.check()).rejects.toMatchObject(closed);
      await expect(listed(backend)).rejects.toMatchObject(closed);
      await backend.close();
    });
  });
}
