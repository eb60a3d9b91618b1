// A folder that a person chose, or one of the private file system: any FileSystemDirectoryHandle. Nothing is copied. Writes
// are atomic: the browser fills a file beside the old one and swaps them when it is closed.
import { isQuotaError, quotaError } from '../../lib/storage/quota';
import { folderPermission } from '../../lib/storage/folder-permission';
import { AppError } from '../../lib/errors';
import type { ByteSource } from '../reading/text-reader';
import { closedError, readOnlyError, throwIfStopped } from './backend-errors';
import type { BackendOptions } from './backend-options';
import { parseBackendPath } from './backend-path';
import type { BackendDescription, BackendFile, DataBackend, ListOptions } from './data-backend';
import { FileListBackend } from './file-list-backend';
import { walkFolder } from './folder-walk';
import { isFileList } from './folder-store';
import { GuardedFile } from './guarded-file';
import { absentAsNull, folderDeniedError, localError, noFolderError } from './local-errors';
import { writeAll } from './write-all';

export interface LocalBackendOptions {
  id: string;
  folder: FileSystemDirectoryHandle;
  /** false for a source that is only read, which is also what the browser is asked for. */
  writable?: boolean;
}

/** @throws AppError `backend.missing` where no folder is chosen. */
export function createLocalBackend({ config, folder }: BackendOptions): DataBackend {
  if (folder === null) throw noFolderError(config.id);
  if (isFileList(folder)) return new FileListBackend({ id: config.id, files: folder });
  return new LocalBackend({ id: config.id, folder, writable: false });
}

export class LocalBackend implements DataBackend {
  readonly #id: string;
  readonly #root: FileSystemDirectoryHandle;
  readonly #writable: boolean;
  #closed = false;

  constructor({ id, folder, writable = true }: LocalBackendOptions) {
    this.#id = id;
    this.#root = folder;
    this.#writable = writable;
  }

  describe(): BackendDescription {
    return { id: this.#id, type: 'local', location: this.#location, writable: this.#writable };
  }

  async check(signal?: AbortSignal): Promise<void> {
    throwIfStopped(signal);
    await this.#allowed();
    try {
      // One entry proves that it is there: a handle of a folder that is gone says nothing before.
      for await (const _entry of this.#root.values()) break;
    } catch (error) {
      throw localError(this.#location, '', error);
    }
  }

  async *list(options: ListOptions = {}): AsyncGenerator<BackendFile> {
    await this.#allowed();
    for await (const file of walkFolder(this.#root, this.#location, options)) {
      if (this.#closed) throw closedError(this.#location);
      yield file;
    }
  }

  async exists(path: string): Promise<boolean> {
    return (await this.#handle(path)) !== null;
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

  async write(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { parts, name } = split(path);
    await this.#mayWrite(path);
    try {
      const folder = await this.#folder(parts, path, true);
      const file = await folder?.getFileHandle(name, { create: true });
      if (file === undefined) throw inTheWay(path);
      await replaceContent(file, bytes);
    } catch (error) {
      if (isQuotaError(error)) throw await quotaError(path, bytes.byteLength, error);
      throw isMismatch(error) ? inTheWay(path) : localError(this.#location, path, error);
    }
  }

  writeBatch(files: Iterable<readonly [string, Uint8Array<ArrayBuffer>]>): Promise<void> {
    return writeAll(this, files);
  }

  /** Looks again afterwards: some systems take a removal and keep the file. */
  async delete(path: string): Promise<void> {
    const { parts, name } = split(path);
    await this.#mayWrite(path);
    if ((await this.#handle(path)) === null) return;
    const folder = await this.#folder(parts, path, false);
    await absentAsNull(this.#location, path, folder?.removeEntry(name));
    if ((await this.#handle(path)) === null) return;
    throw new AppError('backend.denied', `"${path}" of ${this.#location} is still there after its removal.`, {
      details: { location: this.#location, path },
      remedy: 'Another program may hold it open, or the disk is protected: close it there and try again.',
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  get #location(): string {
    return this.#root.name === '' ? 'the private file system' : this.#root.name;
  }

  async #allowed(): Promise<void> {
    if (this.#closed) throw closedError(this.#location);
    const mode = this.#writable ? 'readwrite' : 'read';
    if ((await folderPermission(this.#root, mode)) !== 'granted') throw folderDeniedError(this.#location);
  }

  async #mayWrite(path: string): Promise<void> {
    if (!this.#writable) throw readOnlyError(this.#location, path);
    await this.#allowed();
  }

  async #find(path: string): Promise<GuardedFile | null> {
    const handle = await this.#handle(path);
    const file = await absentAsNull(this.#location, path, handle?.getFile());
    return file === null ? null : new GuardedFile(file, (error) => localError(this.#location, path, error));
  }

  async #handle(path: string): Promise<FileSystemFileHandle | null> {
    const { parts, name } = split(path);
    await this.#allowed();
    const folder = await this.#folder(parts, path, false);
    return absentAsNull(this.#location, path, folder?.getFileHandle(name));
  }

  /** null where it is absent, or where a file stands in the way. */
  async #folder(parts: string[], path: string, create: boolean): Promise<FileSystemDirectoryHandle | null> {
    let folder: FileSystemDirectoryHandle | null = this.#root;
    for (const part of parts) {
      folder = await absentAsNull(this.#location, path, folder.getDirectoryHandle(part, { create }));
      if (folder === null) return null;
    }
    return folder;
  }
}

async function replaceContent(file: FileSystemFileHandle, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const writable = await file.createWritable();
  try {
    await writable.write(bytes);
    await writable.close();
  } catch (error) {
    await writable.abort().catch(() => undefined);
    throw error;
  }
}

function split(path: string): { parts: string[]; name: string } {
  const parts = parseBackendPath(path);
  return { parts: parts.slice(0, -1), name: parts.at(-1) ?? '' };
}

function isMismatch(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TypeMismatchError';
}

function inTheWay(path: string): AppError {
  return new AppError(
    'storage.bad-path',
    `"${path}" cannot be a file: a folder or a file stands in its way.`,
    {
      details: { path },
      remedy: 'Remove the other one first, or choose another name.',
    },
  );
}
