import { describe, expect, test } from 'vitest';
import { memoryData } from '../testing/memory-data';
import { FolderStore } from './folder-store';

/** What can be cloned into a database in place of a handle, which Node does not have. */
const handle = (name: string): FileSystemDirectoryHandle =>
  ({ kind: 'directory', name }) as FileSystemDirectoryHandle;

describe('FolderStore', () => {
  test('folders: a handle is there for the next tab, a list of files is not', async () => {
    const { database } = await memoryData();
    const store = new FolderStore(database);
    const files = [new File(['x'], 'a.txt')];
    await store.keep('picked', handle('corpus'));
    await store.keep('listed', files);
    expect(await store.find('listed')).toBe(files);
    const next = new FolderStore(database);
    expect(await next.find('picked')).toEqual(handle('corpus'));
    expect(await next.find('listed')).toBeNull();
  });

  test('folders: the newest choice counts, of whichever kind', async () => {
    const { database } = await memoryData();
    const store = new FolderStore(database);
    await store.keep('one', handle('first'));
    await store.keep('one', [new File(['x'], 'a.txt')]);
    expect(await new FolderStore(database).find('one')).toBeNull();
    await store.keep('one', handle('second'));
    expect(await store.find('one')).toEqual(handle('second'));
    await store.remove('one');
    expect(await store.find('one')).toBeNull();
  });
});
