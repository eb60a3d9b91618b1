// The folders that people chose, by backend. A handle is kept in the database and outlives the tab; its permission does not,
// and a list of files (an <input>, a drop without handles) is only in memory: after a reload it has to be chosen again.
import type { Database } from '../../core/database';

/** Files carry where they were in the folder as `webkitRelativePath`. */
export type ChosenFolder = FileSystemDirectoryHandle | readonly File[];

export class FolderStore {
  readonly #database: Database;
  readonly #lists = new Map<string, readonly File[]>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Replaces what was chosen for that backend before. */
  async keep(backendId: string, folder: ChosenFolder): Promise<void> {
    if (isFileList(folder)) {
      await this.remove(backendId);
      this.#lists.set(backendId, folder);
    } else {
      await this.#database.put('folders', folder, backendId);
      this.#lists.delete(backendId);
    }
  }

  /** @returns null where none was chosen, or only a list of files in a tab that is gone. */
  async find(backendId: string): Promise<ChosenFolder | null> {
    return this.#lists.get(backendId) ?? (await this.#database.get('folders', backendId)) ?? null;
  }

  async remove(backendId: string): Promise<void> {
    this.#lists.delete(backendId);
    await this.#database.delete('folders', backendId);
  }
}

export function isFileList(folder: ChosenFolder): folder is readonly File[] {
  return Array.isArray(folder);
}
