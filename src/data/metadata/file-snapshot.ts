// What files a place had when it was read, and what is different now. Pure; where it is kept is the caller's.
import type { BackendFile } from '../backends/data-backend';

/** By path, in the order of their characters' codes. */
export type FileSnapshot = readonly BackendFile[];

export interface FileChanges {
  added: string[];
  removed: string[];
  /** Of another size, or written since. What a place does not tell is no difference. */
  changed: string[];
}

export async function takeSnapshot(
  files: AsyncIterable<BackendFile> | Iterable<BackendFile>,
): Promise<FileSnapshot> {
  const byPath = new Map<string, BackendFile>();
  for await (const { path, size, lastModified } of files) byPath.set(path, { path, size, lastModified });
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function compareSnapshots(before: FileSnapshot, now: FileSnapshot): FileChanges {
  const known = new Map(before.map((file) => [file.path, file]));
  const changes: FileChanges = { added: [], removed: [], changed: [] };
  for (const file of now) {
    const old = known.get(file.path);
    if (old === undefined) changes.added.push(file.path);
    else if (differs(old, file)) changes.changed.push(file.path);
    known.delete(file.path);
  }
  changes.removed.push(...known.keys());
  return changes;
}

function differs(a: BackendFile, b: BackendFile): boolean {
  return unlike(a.size, b.size) || unlike(a.lastModified, b.lastModified);
}

function unlike(a: number | null, b: number | null): boolean {
  return a !== null && b !== null && a !== b;
}
