// An IndexedDB that lives in memory, for a realm whose own refuses. Loaded only there. What it holds is gone with the realm.
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';

/** Puts an empty one in the place of this realm's own. Loading this module has put its classes there. */
export function putMemoryIndexedDB(): void {
  globalThis.indexedDB = new IDBFactory();
}
