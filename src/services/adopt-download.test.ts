import { describe, expect, test } from 'vitest';
import { MemoryBlobStore } from '../lib/storage/memory-blob-store';
import type { HubDownload } from '../protocol/hub';
import { moveIntoPlace, readDownload } from './adopt-download';

const FILES = { 'config.json': '{}', 'Q4/tiny.gguf': 'weights', 'README.md': '# Tiny' };

async function downloaded(): Promise<{ blobs: MemoryBlobStore; download: HubDownload }> {
  const blobs = new MemoryBlobStore();
  const checksum = { algorithm: 'sha256' as const, hex: '0'.repeat(64) };
  const files = Object.entries(FILES).map(([path, text]) => ({ path, sizeBytes: text.length, checksum }));
  const choice = { id: 'gguf tiny', format: 'gguf' as const, quantisation: null, files, sizeBytes: 15 };
  const download = {
    id: 'd',
    repositoryId: 'a/b',
    commit: 'c',
    license: null,
    choice,
    folder: 'downloads/d',
    startedAt: 0,
  };
  for (const [path, text] of Object.entries(FILES)) {
    await blobs.write(`downloads/d/${path}`, new Blob([text]));
  }
  return { blobs, download };
}

const pathsIn = async (blobs: MemoryBlobStore) => (await blobs.list('')).map(({ path }) => path);

describe('adopt download', () => {
  test('adopt download: files are moved, made ones written, the card goes with them', async () => {
    const { blobs, download } = await downloaded();
    const stored = await readDownload(download, blobs);
    expect(stored.map(({ name }) => name)).toEqual(['config.json', 'tiny.gguf', 'README.md']);
    const weights = stored.filter(({ name }) => name === 'tiny.gguf');
    const wanted = [
      ...weights.map(({ blob }) => ({ name: 'model.gguf', blob })),
      { name: 'tokenizer.json', blob: new Blob(['made']) },
    ];
    await moveIntoPlace(stored, wanted, 'models/m', blobs, () => Promise.resolve());
    expect(await pathsIn(blobs)).toEqual([
      'downloads/d/config.json',
      'models/m/README.md',
      'models/m/model.gguf',
      'models/m/tokenizer.json',
    ]);
  });

  test('adopt download: what fails at the end puts every file back', async () => {
    const { blobs, download } = await downloaded();
    const before = await pathsIn(blobs);
    const stored = await readDownload(download, blobs);
    const failed = moveIntoPlace(stored, stored, 'models/m', blobs, () =>
      Promise.reject(new Error('no room')),
    );
    await expect(failed).rejects.toThrow('no room');
    expect(await pathsIn(blobs)).toEqual(before);
  });

  test('adopt download: a file that is not all there is named', async () => {
    const { blobs, download } = await downloaded();
    await blobs.write('downloads/d/Q4/tiny.gguf', new Blob(['weig']));
    await expect(readDownload(download, blobs)).rejects.toMatchObject({
      code: 'storage.missing',
      message: 'Q4/tiny.gguf is not all here.',
    });
  });
});
