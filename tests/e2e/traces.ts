// All text that a page keeps or gives away: databases, files, caches, what the browser stores by name, and its own exports.
import type { Page } from '@playwright/test';

/** Bytes are told as one character each, so that words among them are found. */
export function tracesOf(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const found: string[] = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
    const seen = new Set<unknown>();
    const note = async (value: unknown): Promise<void> => {
      if (typeof value === 'string') found.push(value);
      if (typeof value !== 'object' || value === null || seen.has(value)) return;
      seen.add(value);
      if (value instanceof Blob) return note(await value.arrayBuffer());
      const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
      if (ArrayBuffer.isView(bytes)) {
        const { buffer, byteOffset, byteLength } = bytes;
        found.push(new TextDecoder('latin1').decode(new Uint8Array(buffer, byteOffset, byteLength)));
        return;
      }
      for (const [key, part] of Object.entries(value)) {
        found.push(key);
        await note(part);
      }
    };
    const settled = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(new Error(request.error?.message));
      });
    for (const { name = '' } of await indexedDB.databases()) {
      const database = await settled(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        await note(await settled(database.transaction(store).objectStore(store).getAllKeys()));
        await note(await settled(database.transaction(store).objectStore(store).getAll()));
      }
      database.close();
    }
    const walk = async (folder: FileSystemDirectoryHandle): Promise<void> => {
      for await (const [name, entry] of folder.entries()) {
        found.push(name);
        if (entry instanceof FileSystemDirectoryHandle) await walk(entry);
        else await note(await entry.getFile());
      }
    };
    await walk(await navigator.storage.getDirectory());
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) found.push(request.url);
    }
    const parts = { conversations: true, runs: true, settings: true };
    await note((await fragua.features.exportWorkspace(parts)).blob);
    return found.join('\n');
  });
}
