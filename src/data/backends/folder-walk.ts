// Walks a folder and those below it, file by file, as they are found: the first comes long before a hundred thousand are
// known. It opens no file; for its size and date it asks the system, sixteen files at a time.
import { mapAhead } from '../../lib/async/map-ahead';
import { throwIfStopped } from './backend-errors';
import { ListFilter } from './backend-path';
import type { BackendFile, ListOptions } from './data-backend';
import { absentAsNull, isAbsent, localError } from './local-errors';

const AT_A_TIME = 16;
/** Links that lead back up would go on for ever where the browser follows them. */
const DEEPEST = 64;

interface Place {
  folder: FileSystemDirectoryHandle;
  path: string;
  above: readonly FileSystemDirectoryHandle[];
}

/** @throws AppError `backend.denied`, `backend.missing` where the root is gone, `rpc.cancelled`. */
export async function* walkFolder(
  root: FileSystemDirectoryHandle,
  location: string,
  options: ListOptions,
): AsyncGenerator<BackendFile> {
  const filter = new ListFilter(options);
  const waiting: Place[] = [{ folder: root, path: '', above: [] }];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const found = entriesOf(place, location, filter, waiting, options.signal);
    const files = mapAhead(found, AT_A_TIME, ({ path, handle }) => describeFile(path, handle, location));
    // A file that vanished since its name was read is not there.
    for await (const file of files) if (file !== null) yield file;
  }
}

/** The files of one folder; the folders in it are put in line. */
async function* entriesOf(
  place: Place,
  location: string,
  filter: ListFilter,
  waiting: Place[],
  signal: AbortSignal | undefined,
): AsyncGenerator<{ path: string; handle: FileSystemFileHandle }> {
  try {
    for await (const [name, handle] of place.folder.entries()) {
      throwIfStopped(signal);
      const path = place.path === '' ? name : `${place.path}/${name}`;
      if (handle.kind === 'file') {
        if (filter.shows(path)) yield { path, handle };
      } else if (filter.enters(path) && !(await leadsBack(handle, place))) {
        waiting.push({ folder: handle, path, above: [...place.above, place.folder] });
      }
    }
  } catch (error) {
    // A folder below the root may go while the listing goes on.
    if (place.path === '' || !isAbsent(error)) throw localError(location, place.path, error);
  }
}

async function leadsBack(
  folder: FileSystemDirectoryHandle,
  { folder: parent, above }: Place,
): Promise<boolean> {
  if (above.length >= DEEPEST) return true;
  for (const other of [parent, ...above]) if (await folder.isSameEntry(other)) return true;
  return false;
}

async function describeFile(
  path: string,
  handle: FileSystemFileHandle,
  location: string,
): Promise<BackendFile | null> {
  const file = await absentAsNull(location, path, handle.getFile());
  return file === null ? null : { path, size: file.size, lastModified: file.lastModified };
}
