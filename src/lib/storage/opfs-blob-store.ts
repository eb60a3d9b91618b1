// A blob store in the origin private file system, for the page and for workers. Writes go to a file of their own in
// `.tmp` and are moved into place when they are whole; a crash leaves only that file, removed at a later opening.
import { AppError } from '../errors';
import { absentFile, byPath, fileFolderConflict, parseBlobFolder, parseBlobPath } from './blob-path';
import { sizeOf, type BlobContent } from './blob-content';
import type { BlobEntry, BlobStore } from './blob-store';
import { streamToFile, type FileWriter } from './opfs-writer';
import { isQuotaError, quotaError } from './quota';

/** Beside the files, so that a move stays inside one file system. No blob path may start with it. */
const TEMPORARY = '.tmp';
/** Another tab may be writing: only what is older than this was left by a crash. */
const STALE_MS = 24 * 3600 * 1000;

export class OpfsBlobStore implements BlobStore {
  readonly kind = 'opfs';
  readonly #root: FileSystemDirectoryHandle;
  readonly #temporary: FileSystemDirectoryHandle;
  readonly #writeFile: FileWriter;

  private constructor(
    root: FileSystemDirectoryHandle,
    temporary: FileSystemDirectoryHandle,
    writeFile: FileWriter,
  ) {
    this.#root = root;
    this.#temporary = temporary;
    this.#writeFile = writeFile;
  }

  /** @param name folder below the origin's root. */
  static async open(name: string, writeFile: FileWriter = streamToFile): Promise<OpfsBlobStore> {
    const origin = await navigator.storage.getDirectory();
    const root = await origin.getDirectoryHandle(name, { create: true });
    const temporary = await root.getDirectoryHandle(TEMPORARY, { create: true });
    await removeStale(temporary);
    return new OpfsBlobStore(root, temporary, writeFile);
  }

  async write(path: string, content: BlobContent): Promise<void> {
    const segments = parse(path);
    const scratch = crypto.randomUUID();
    try {
      const file = await this.#temporary.getFileHandle(scratch, { create: true });
      await this.#writeFile(file, content);
      const folder = await this.#folder(segments.slice(0, -1), true);
      if (folder === null) throw fileFolderConflict(path, segments.slice(0, -1).join('/'));
      await moveInto(file, folder, segments.at(-1) ?? '', path);
    } catch (error) {
      await this.#temporary.removeEntry(scratch).catch(() => undefined);
      throw isQuotaError(error) ? await quotaError(path, sizeOf(content), error) : error;
    }
  }

  async read(path: string): Promise<Blob | null> {
    const segments = parse(path);
    const folder = await this.#folder(segments.slice(0, -1), false);
    const file = await absentAsNull(folder?.getFileHandle(segments.at(-1) ?? ''));
    return absentAsNull(file?.getFile());
  }

  async list(folder: string): Promise<BlobEntry[]> {
    const handle = await this.#folder(folder === '' ? parseBlobFolder(folder) : parse(folder), false);
    if (handle === null) return [];
    const entries: BlobEntry[] = [];
    await collect(handle, folder === '' ? '' : `${folder}/`, entries);
    return entries.sort(byPath);
  }

  async remove(path: string): Promise<void> {
    const segments = parse(path);
    const folder = await this.#folder(segments.slice(0, -1), false);
    await absentAsNull(folder?.removeEntry(segments.at(-1) ?? '', { recursive: true }));
  }

  /** A file to be written in place, made where there is none: what grows piece by piece (opfs-partial-files). */
  async fileHandle(path: string): Promise<FileSystemFileHandle> {
    const segments = parse(path);
    const folder = await this.#folder(segments.slice(0, -1), true);
    if (folder === null) throw fileFolderConflict(path, segments.slice(0, -1).join('/'));
    return folder.getFileHandle(segments.at(-1) ?? '', { create: true });
  }

  async move(path: string, target: string): Promise<void> {
    const segments = parse(target);
    if ((await this.read(path)) === null) throw absentFile(path);
    const folder = await this.#folder(segments.slice(0, -1), true);
    if (folder === null) throw fileFolderConflict(target, segments.slice(0, -1).join('/'));
    await moveInto(await this.fileHandle(path), folder, segments.at(-1) ?? '', target);
  }

  /** null where it is absent, or where a file stands in the way. */
  async #folder(segments: string[], create: boolean): Promise<FileSystemDirectoryHandle | null> {
    let folder: FileSystemDirectoryHandle | null = this.#root;
    for (const segment of segments) {
      folder = await absentAsNull(folder.getDirectoryHandle(segment, { create }));
      if (folder === null) return null;
    }
    return folder;
  }
}

function parse(path: string): string[] {
  const segments = parseBlobPath(path);
  if (segments[0] === TEMPORARY) {
    throw new AppError('storage.bad-path', `"${TEMPORARY}" is the store's own folder.`, {
      details: { path },
    });
  }
  return segments;
}

/** TypeScript's library does not know `move` yet; every browser with OPFS writing has it. */
interface MovableFile extends FileSystemFileHandle {
  move?(folder: FileSystemDirectoryHandle, name: string): Promise<void>;
}

async function moveInto(
  file: MovableFile,
  folder: FileSystemDirectoryHandle,
  name: string,
  path: string,
): Promise<void> {
  // Moving over a folder fails late and differently everywhere.
  if ((await absentAsNull(folder.getDirectoryHandle(name))) !== null) throw fileFolderConflict(path, path);
  if (file.move === undefined) {
    throw new AppError('storage.unavailable', 'The browser cannot move files in its private file system.');
  }
  // Two moves to one place at once are refused by the browser, from whichever realm they come: one after the other.
  await navigator.locks.request(`move ${folder.name}/${name}`, async () => file.move?.(folder, name));
}

async function collect(folder: FileSystemDirectoryHandle, prefix: string, into: BlobEntry[]): Promise<void> {
  for await (const [name, handle] of folder.entries()) {
    if (prefix === '' && name === TEMPORARY) continue;
    if (handle.kind === 'directory') {
      await collect(handle, `${prefix}${name}/`, into);
      continue;
    }
    const file = await absentAsNull(handle.getFile());
    if (file !== null) into.push({ path: `${prefix}${name}`, sizeBytes: file.size });
  }
}

async function removeStale(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind !== 'file') continue;
    const file = await absentAsNull(handle.getFile());
    if (file === null || Date.now() - file.lastModified < STALE_MS) continue;
    // Another tab may be ahead of us.
    await folder.removeEntry(name).catch(() => undefined);
  }
}

/** Absence is null; every other refusal stays an error. */
async function absentAsNull<T>(promise: Promise<T> | undefined): Promise<T | null> {
  try {
    return (await promise) ?? null;
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    if (name === 'NotFoundError' || name === 'TypeMismatchError') return null;
    throw error;
  }
}
