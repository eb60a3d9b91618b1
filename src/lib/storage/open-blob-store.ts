// Picks the best blob store that this browser really lets us use: having the API says little, private modes refuse
// at the first write. Every realm of a site comes to the same answer for `opfs` and `indexeddb`; memory is a realm's own.
import type { BlobStore } from './blob-store';
import { IndexedDbBlobStore } from './indexeddb-blob-store';
import { MemoryBlobStore } from './memory-blob-store';
import { OpfsBlobStore } from './opfs-blob-store';

export type BlobStoreOpener = () => Promise<BlobStore>;

/** @param name keeps stores of different purposes apart. Never fails: the last resort is memory (`kind` tells). */
export function openBlobStore(name = 'fragua'): Promise<BlobStore> {
  return openFirst([
    () => OpfsBlobStore.open(name),
    () => IndexedDbBlobStore.open(`${name}-files`),
    () => Promise.resolve(new MemoryBlobStore()),
  ]);
}

/** The first store that passes a write, a read and a removal; the last one is taken as it is. */
export async function openFirst(openers: BlobStoreOpener[]): Promise<BlobStore> {
  for (const open of openers) {
    try {
      const store = await open();
      if (await isUsable(store)) return store;
    } catch {
      // Refused: the next one.
    }
  }
  return new MemoryBlobStore();
}

async function isUsable(store: BlobStore): Promise<boolean> {
  const path = `.probe/${crypto.randomUUID()}`;
  await store.write(path, new Uint8Array([7]));
  const blob = await store.read(path);
  const bytes = blob === null ? [] : new Uint8Array(await blob.arrayBuffer());
  await store.remove(path);
  return bytes.length === 1 && bytes[0] === 7;
}
