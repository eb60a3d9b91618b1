// Folders that were chosen, over the ends that a folder has to survive: a tab that goes, and the way into a worker.
import { expect, test } from 'vitest';
import { userEvent } from 'vitest/browser';
import { openDatabase } from '../../src/core/database';
import { FileListBackend } from '../../src/data/backends/file-list-backend';
import { FolderStore, isFileList } from '../../src/data/backends/folder-store';
import { LocalBackend } from '../../src/data/backends/local-backend';
import type { DataBackend } from '../../src/data/backends/data-backend';

async function pathsOf(backend: DataBackend): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of backend.list()) paths.push(path);
  return paths.sort();
}

test('folders: a handle is read again from the database that the next tab opens', async () => {
  const name = `folders-${crypto.randomUUID()}`;
  const origin = await navigator.storage.getDirectory();
  const folder = await origin.getDirectoryHandle(name, { create: true });
  await new LocalBackend({ id: 'notes', folder }).write('deep/a.txt', new TextEncoder().encode('kept'));
  const database = await openDatabase(name);
  await new FolderStore(database).keep('notes', folder);
  database.close();

  const next = await openDatabase(name);
  const found = await new FolderStore(next).find('notes');
  if (found === null || isFileList(found)) throw new Error('No handle was kept.');
  const backend = new LocalBackend({ id: 'notes', folder: found, writable: false });
  expect(await pathsOf(backend)).toEqual(['deep/a.txt']);
  expect(new TextDecoder().decode((await backend.read('deep/a.txt')) ?? undefined)).toBe('kept');
  next.close();
});

test('folders: the root that was removed is told as missing', async () => {
  const origin = await navigator.storage.getDirectory();
  const folder = await origin.getDirectoryHandle(`gone-${crypto.randomUUID()}`, { create: true });
  await origin.removeEntry(folder.name, { recursive: true });
  const backend = new LocalBackend({ id: 'notes', folder });
  await expect(backend.check()).rejects.toMatchObject({ code: 'backend.missing' });
  await expect(pathsOf(backend)).rejects.toMatchObject({ code: 'backend.missing' });
});

test('folders: a file that is changed while it is read is told with its name', async () => {
  const origin = await navigator.storage.getDirectory();
  const folder = await origin.getDirectoryHandle(`changed-${crypto.randomUUID()}`, { create: true });
  const backend = new LocalBackend({ id: 'notes', folder });
  await backend.write('a.txt', new TextEncoder().encode('first content'));
  const source = await backend.open('a.txt');
  await backend.write('a.txt', new TextEncoder().encode('another, longer content'));
  await expect(source?.slice(0, 5).arrayBuffer()).rejects.toMatchObject({
    code: 'backend.unreachable',
    message: expect.stringContaining('"a.txt"') as string,
  });
});

test('folders: a list of files from an input keeps its folders on the way through a message', async () => {
  const input = document.createElement('input');
  Object.assign(input, { type: 'file', webkitdirectory: true });
  document.body.append(input);
  await userEvent.upload(input, 'docs/guides');
  const { port1, port2 } = new MessageChannel();
  const arrived = new Promise<File[]>((resolve) => {
    port2.onmessage = ({ data }: MessageEvent<File[]>) => resolve(data);
  });
  port1.postMessage([...(input.files ?? [])]);
  const backend = new FileListBackend({ id: 'guides', files: await arrived });
  expect(backend.describe()).toMatchObject({ location: 'guides', writable: false });
  expect(await pathsOf(backend)).toContain('add-a-plugin.md');
  const text = new TextDecoder().decode((await backend.read('add-a-plugin.md')) ?? undefined);
  expect(text).toContain('# Add a plugin');
  port1.close();
  input.remove();
});
