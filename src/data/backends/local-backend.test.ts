import { describe, expect, test } from 'vitest';
import { browserClock } from '../../lib/async/browser-clock';
import { goneFile, mockFolder, type MockNode } from '../testing/mock-folder';
import { FileListBackend } from './file-list-backend';
import { createLocalBackend, LocalBackend } from './local-backend';
import { MemoryBlobStore } from '../../lib/storage/memory-blob-store';

const text = (content: string): Blob => new Blob([content]);

async function pathsOf(backend: LocalBackend | FileListBackend): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of backend.list()) paths.push(path);
  return paths.sort();
}

const readOnly = (folder: FileSystemDirectoryHandle): LocalBackend =>
  new LocalBackend({ id: 'l', folder, writable: false });

describe('LocalBackend', () => {
  test('local: a permission that was lost is told with the way to give it back, by every call', async () => {
    let permission: PermissionState = 'granted';
    const folder = mockFolder('corpus', { 'a.txt': text('a') }, { permission: () => permission });
    const backend = readOnly(folder);
    expect(await backend.read('a.txt')).not.toBeNull();
    for (permission of ['prompt', 'denied'] as const) {
      const denied = {
        code: 'backend.denied',
        message: expect.stringContaining('corpus') as string,
        remedy: expect.stringContaining('Allow it again') as string,
      };
      await expect(backend.check()).rejects.toMatchObject(denied);
      await expect(backend.read('a.txt')).rejects.toMatchObject(denied);
      await expect(backend.exists('a.txt')).rejects.toMatchObject(denied);
      await expect(pathsOf(backend)).rejects.toMatchObject(denied);
    }
  });

  test('local: taken back between the question and the reading, it is told the same way', async () => {
    const refused = new DOMException('no', 'NotAllowedError');
    const backend = readOnly(mockFolder('corpus', { 'a.txt': refused }));
    await expect(backend.read('a.txt')).rejects.toMatchObject({ code: 'backend.denied' });
  });

  test('local: a folder that is gone is missing', async () => {
    const gone = mockFolder('corpus', () => {
      throw new DOMException('none', 'NotFoundError');
    });
    const missing = { code: 'backend.missing', message: expect.stringContaining('corpus') as string };
    await expect(readOnly(gone).check()).rejects.toMatchObject(missing);
    await expect(pathsOf(readOnly(gone))).rejects.toMatchObject(missing);
  });

  test('local: a file that vanishes is left out of the listing, and is null when it is read', async () => {
    const vanished = new DOMException('none', 'NotFoundError');
    const backend = readOnly(mockFolder('corpus', { 'a.txt': text('a'), 'b.txt': vanished }));
    expect(await pathsOf(backend)).toEqual(['a.txt']);
    expect(await backend.read('b.txt')).toBeNull();
    expect(await backend.open('b.txt')).toBeNull();
  });

  test.each(['NotReadableError', 'NotFoundError'])(
    'local: a file that goes while it is read is told with its name (%s)',
    async (name) => {
      const backend = readOnly(mockFolder('corpus', { 'a.txt': goneFile(10, name) }));
      const gone = {
        code: 'backend.unreachable',
        message: expect.stringContaining('"a.txt" of corpus') as string,
      };
      await expect(backend.read('a.txt')).rejects.toMatchObject(gone);
      const source = await backend.open('a.txt');
      await expect(source?.slice(0, 5).arrayBuffer()).rejects.toMatchObject(gone);
      const stream = await backend.openStream('a.txt');
      await expect(stream?.getReader().read()).rejects.toMatchObject(gone);
    },
  );

  test('local: a folder that vanishes in the middle leaves the rest of the listing', async () => {
    const broken = (): never => {
      throw new DOMException('none', 'NotFoundError');
    };
    expect(await pathsOf(readOnly(mockFolder('corpus', { deep: broken, 'a.txt': text('a') })))).toEqual([
      'a.txt',
    ]);
  });

  test('local: links that lead back up are not followed', async () => {
    const tree: Record<string, MockNode> = { 'a.txt': text('a') };
    const folder = mockFolder('corpus', tree);
    tree['back'] = folder;
    expect(await pathsOf(readOnly(folder))).toEqual(['a.txt']);
  });

  test('local: a folder that pretends to go on for ever ends', async () => {
    const endless = (): Iterable<[string, MockNode]> => [
      ['a.txt', text('a')],
      ['in', endless],
    ];
    expect(await pathsOf(readOnly(mockFolder('corpus', endless)))).toHaveLength(65);
  });

  test('local: nothing is written into a source that is only read', async () => {
    const backend = readOnly(mockFolder('corpus', {}));
    const refused = { code: 'backend.read-only', message: expect.stringContaining('"x.txt"') as string };
    await expect(backend.write('x.txt', new Uint8Array())).rejects.toMatchObject(refused);
    await expect(backend.delete('x.txt')).rejects.toMatchObject(refused);
    expect(backend.describe()).toEqual({ id: 'l', type: 'local', location: 'corpus', writable: false });
  });

  test('local: the first of a hundred thousand files comes long before the listing is complete', async () => {
    let handedOut = 0;
    function* folders(): Generator<[string, MockNode]> {
      for (let outer = 0; outer < 100; outer++) yield [`part-${outer}`, files];
    }
    function* files(): Generator<[string, MockNode]> {
      const content = text('x');
      for (let inner = 0; inner < 1000; inner++) yield [`${inner}.txt`, content];
    }
    const backend = readOnly(mockFolder('corpus', folders, { onEntry: () => (handedOut += 1) }));
    let count = 0;
    for await (const _file of backend.list()) {
      // A hundred folders, and as many files as are asked for at a time.
      if (count++ === 0) expect(handedOut).toBeLessThanOrEqual(100 + 16);
    }
    expect(count).toBe(100_000);
    expect(handedOut).toBe(100_100);
  });
});

describe('FileListBackend', () => {
  const picked = (path: string, content = 'x'): File => {
    const file = new File([content], path.slice(path.lastIndexOf('/') + 1), { lastModified: 5 });
    return Object.defineProperty(file, 'webkitRelativePath', { value: path.includes('/') ? path : '' });
  };

  test('file list: paths are below the folder that was chosen', async () => {
    const files = [picked('corpus/a.txt', 'hello'), picked('corpus/deep/b.txt'), picked('corpus/.zfs/c.txt')];
    const backend = new FileListBackend({ id: 'l', files });
    expect(backend.describe()).toEqual({ id: 'l', type: 'local', location: 'corpus', writable: false });
    expect(await pathsOf(backend)).toEqual(['a.txt', 'deep/b.txt']);
    expect(new TextDecoder().decode((await backend.read('a.txt')) ?? undefined)).toBe('hello');
    expect((await backend.open('a.txt'))?.size).toBe(5);
    expect(await backend.read('corpus/a.txt')).toBeNull();
    for await (const file of backend.list({ under: 'a' })) {
      expect(file).toEqual({ path: 'a.txt', size: 5, lastModified: 5 });
    }
  });

  test('file list: dropped files without their folders keep apart where they share a name', async () => {
    const files = [
      picked('a.txt', '1'),
      picked('a.txt', '2'),
      picked('.env'),
      picked('.env'),
      picked('b.txt'),
    ];
    const backend = new FileListBackend({ id: 'l', files });
    expect(await pathsOf(backend)).toEqual(['.env', '.env (2)', 'a (2).txt', 'a.txt', 'b.txt']);
    expect(new TextDecoder().decode((await backend.read('a (2).txt')) ?? undefined)).toBe('2');
  });

  test('file list: it cannot be written, and says so', async () => {
    const backend = new FileListBackend({ id: 'l', files: [picked('corpus/a.txt')] });
    const refused = { code: 'backend.read-only' };
    await expect(backend.write('a.txt')).rejects.toMatchObject(refused);
    await expect(backend.writeBatch([['b', new Uint8Array()]])).rejects.toMatchObject(refused);
    await expect(backend.delete('a.txt')).rejects.toMatchObject(refused);
    expect(await backend.exists('a.txt')).toBe(true);
  });
});

describe('createLocalBackend', () => {
  const options = {
    config: { id: 'notes' },
    secrets: {},
    blobs: new MemoryBlobStore(),
    fetch,
    clock: browserClock,
    online: () => true,
  };

  test('local: of whatever was chosen; nothing chosen is told with what to do', () => {
    const chosen = createLocalBackend({ ...options, folder: mockFolder('corpus', {}) });
    expect(chosen.describe()).toMatchObject({ id: 'notes', location: 'corpus', writable: false });
    expect(createLocalBackend({ ...options, folder: [] })).toBeInstanceOf(FileListBackend);
    expect(() => createLocalBackend({ ...options, folder: null })).toThrow(
      expect.objectContaining({
        code: 'backend.missing',
        message: expect.stringContaining('"notes"') as string,
        remedy: expect.stringContaining('chosen again in each tab') as string,
      }) as Error,
    );
  });
});
