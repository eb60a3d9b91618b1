// A folder as the list of its files, which is what <input webkitdirectory> and some drops give: read only, and it ends with
// its tab. Files that were added to the folder afterwards are not seen.
import type { ByteSource } from '../reading/text-reader';
import { closedError, readOnlyError, throwIfStopped } from './backend-errors';
import { ListFilter, parseBackendPath } from './backend-path';
import type { BackendDescription, BackendFile, DataBackend, ListOptions } from './data-backend';
import { GuardedFile } from './guarded-file';
import { localError } from './local-errors';

export class FileListBackend implements DataBackend {
  readonly #id: string;
  readonly #location: string;
  readonly #files: ReadonlyMap<string, File>;
  #closed = false;

  constructor({ id, files }: { id: string; files: readonly File[] }) {
    this.#id = id;
    this.#location = folderName(files) ?? 'the chosen files';
    const inside = folderName(files) !== null;
    this.#files = byFreePath(files, inside);
  }

  describe(): BackendDescription {
    return { id: this.#id, type: 'local', location: this.#location, writable: false };
  }

  check(signal?: AbortSignal): Promise<void> {
    return this.#settle(() => throwIfStopped(signal));
  }

  async *list(options: ListOptions = {}): AsyncGenerator<BackendFile> {
    await this.check(options.signal);
    const filter = new ListFilter(options);
    for (const [path, { size, lastModified }] of this.#files) {
      throwIfStopped(options.signal);
      if (filter.showsWhole(path)) yield { path, size, lastModified };
    }
  }

  async exists(path: string): Promise<boolean> {
    return (await this.#find(path)) !== null;
  }

  async read(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return (await this.#find(path))?.bytes() ?? null;
  }

  open(path: string): Promise<ByteSource | null> {
    return this.#find(path);
  }

  async openStream(
    path: string,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null> {
    throwIfStopped(signal);
    return (await this.#find(path))?.stream(signal) ?? null;
  }

  write(path: string): Promise<void> {
    return this.#refuse(path);
  }

  async writeBatch(files: Iterable<readonly [string, Uint8Array<ArrayBuffer>]>): Promise<void> {
    for (const [path] of files) await this.#refuse(path);
  }

  delete(path: string): Promise<void> {
    return this.#refuse(path);
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #find(path: string): Promise<GuardedFile | null> {
    return this.#settle(() => {
      parseBackendPath(path);
      const file = this.#files.get(path);
      if (file === undefined) return null;
      return new GuardedFile(file, (error) => localError(this.#location, path, error));
    });
  }

  #refuse(path: string): Promise<never> {
    return this.#settle(() => {
      parseBackendPath(path);
      throw readOnlyError(this.#location, path);
    });
  }

  /** Misuse rejects, as elsewhere, instead of throwing at the call. */
  #settle<T>(call: () => T): Promise<T> {
    return Promise.resolve().then(() => {
      if (this.#closed) throw closedError(this.#location);
      return call();
    });
  }
}

/** The folder that all of them lie in; null for files that were chosen one by one. */
function folderName(files: readonly File[]): string | null {
  const [first] = files;
  const name = first?.webkitRelativePath.split('/')[0] ?? '';
  const common = name !== '' && files.every((file) => file.webkitRelativePath.startsWith(`${name}/`));
  return common ? name : null;
}

/** Dropped files may have lost their folders and so share a name: the later ones are numbered. */
function byFreePath(files: readonly File[], insideFolder: boolean): Map<string, File> {
  const found = new Map<string, File>();
  for (const file of files) {
    const path = pathOf(file, insideFolder);
    const dot = path.lastIndexOf('.') > path.lastIndexOf('/') + 1 ? path.lastIndexOf('.') : path.length;
    let free = path;
    for (let number = 2; found.has(free); number++)
      free = `${path.slice(0, dot)} (${number})${path.slice(dot)}`;
    found.set(free, file);
  }
  return found;
}

function pathOf(file: File, insideFolder: boolean): string {
  const path = file.webkitRelativePath === '' ? file.name : file.webkitRelativePath;
  return insideFolder ? path.slice(path.indexOf('/') + 1) : path;
}
