// What every kind of partial files promises, as checks that run in any realm: the page's test files cannot run in a worker.
import type { BlobStore } from '../../src/lib/storage/blob-store';
import type { PartialFiles } from '../../src/lib/storage/partial-files';

export type PartialFilesCheck = (files: PartialFiles, store: BlobStore) => Promise<void>;

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => new Uint8Array(values);

async function expectBytes(what: string, blob: Blob | null, expected: number[] | null): Promise<void> {
  const found = blob === null ? null : [...new Uint8Array(await blob.arrayBuffer())];
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
  }
}

export const PARTIAL_FILES_CHECKS: Record<string, PartialFilesCheck> = {
  async 'takes bytes in any order and becomes a file of the store'(files, store) {
    const file = await files.open('a/b.part');
    await file.write(3, bytes(3, 4));
    await file.write(0, bytes(0, 1));
    await file.write(2, bytes(2));
    await file.close();
    await expectBytes('before', await store.read('a/b'), null);
    await expectBytes('read', await files.read('a/b.part', 5), [0, 1, 2, 3, 4]);
    await files.publish('a/b.part', 5, 'a/b');
    await expectBytes('after', await store.read('a/b'), [0, 1, 2, 3, 4]);
    await expectBytes('partial file', await files.read('a/b.part', 5), null);
    const paths = (await store.list('')).map(({ path }) => path).join();
    if (paths !== 'a/b') throw new Error(`left behind: ${paths}`);
  },

  async 'keeps what it has when it is opened again, and takes the same bytes twice'(files, store) {
    const first = await files.open('b.part');
    await first.write(0, bytes(0, 1, 2));
    await first.close();
    const second = await files.open('b.part');
    await second.write(1, bytes(1, 2, 3, 4));
    await second.flush();
    await second.write(5, bytes(5));
    await second.close();
    await files.publish('b.part', 6, 'b');
    await expectBytes('after', await store.read('b'), [0, 1, 2, 3, 4, 5]);
  },

  async 'bytes that change after they were given do not show'(files) {
    const given = bytes(1, 2);
    const file = await files.open('c.part');
    await file.write(0, given);
    given.fill(9);
    await file.close();
    await expectBytes('read', await files.read('c.part', 2), [1, 2]);
  },

  async 'replaces the file that stood there, and cuts what is beyond the end'(files, store) {
    await store.write('d', bytes(9, 9, 9, 9, 9, 9));
    const file = await files.open('d.part');
    await file.write(0, bytes(1, 2, 3, 4));
    await file.close();
    await files.publish('d.part', 3, 'd');
    await expectBytes('after', await store.read('d'), [1, 2, 3]);
  },

  async 'an empty file is a file; removing what is not there is no error'(files, store) {
    await files.remove('e.part');
    await expectBytes('absent', await files.read('e.part', 1), null);
    await files.publish('e.part', 0, 'e');
    await expectBytes('after', await store.read('e'), []);
  },

  async 'removed, nothing of it is left'(files, store) {
    const file = await files.open('f.part');
    await file.write(0, bytes(1));
    await file.close();
    await files.remove('f.part');
    if ((await store.list('')).length > 0) throw new Error('left behind');
  },
};
