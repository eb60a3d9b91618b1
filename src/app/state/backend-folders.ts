// Folders of data backends on the page's side: chosen here, since workers cannot ask, and asked again for permission here.
import type { Database } from '../../core/database';
import { askFolderPermission } from '../../lib/storage/folder-permission';

type PickFolder = (options: { mode: 'read' }) => Promise<FileSystemDirectoryHandle>;

declare global {
  interface Window {
    /** Some browsers lack it, and so does TypeScript's library. */
    showDirectoryPicker?: PickFolder;
  }
}

/** The window. */
export interface FolderPicker {
  showDirectoryPicker?: PickFolder;
}

export class BackendFolders {
  readonly #database: Promise<Database | null>;
  readonly #picker: FolderPicker;

  constructor(database: Promise<Database | null>, picker: FolderPicker) {
    this.#database = database;
    this.#picker = picker;
  }

  /** Otherwise an input that takes folders does it; what it gives is forgotten with the tab. */
  get canPick(): boolean {
    return this.#picker.showDirectoryPicker !== undefined;
  }

  /** By a click. @returns null where it was cancelled. */
  async pick(): Promise<FileSystemDirectoryHandle | null> {
    try {
      return (await this.#picker.showDirectoryPicker?.({ mode: 'read' })) ?? null;
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return null;
      throw error;
    }
  }

  /** By a click. Asks where permission ended with the last session; the call that follows says what was refused. */
  async allow(backendId: string): Promise<void> {
    const folder = await (await this.#database)?.get('folders', backendId);
    if (folder !== undefined) await askFolderPermission(folder, 'read').catch(() => false);
  }
}
