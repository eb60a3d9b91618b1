// Empties this browser of everything the app stored: records, blobs, choices. Workers are stopped first, then the page
// starts over. The offline copy of the app itself stays.
import type { AppServices } from './app-context';

type Needed = Pick<AppServices, 'database' | 'disposeWorkers'>;

/** Reloads the page when done. @throws where the browser refuses to delete something. */
export async function deleteEverything({ database, disposeWorkers }: Needed): Promise<void> {
  await disposeWorkers();
  const open = await database;
  if (open !== null) {
    const stores = [...open.objectStoreNames];
    const transaction = open.transaction(stores, 'readwrite');
    await Promise.all([...stores.map((store) => transaction.objectStore(store).clear()), transaction.done]);
  }
  await clearPrivateFiles();
  try {
    window.localStorage.clear();
  } catch {
    // Refused: then nothing is in it.
  }
  window.location.hash = '';
  window.location.reload();
}

/** The origin private file system, where weights, datasets and checkpoints lie. */
async function clearPrivateFiles(): Promise<void> {
  if (typeof navigator.storage?.getDirectory !== 'function') return;
  const root = await navigator.storage.getDirectory();
  for await (const name of root.keys()) await root.removeEntry(name, { recursive: true });
}
