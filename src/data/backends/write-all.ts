// Writes several files into a backend, some at a time. One that fails does not keep the others from being tried.
import { mapAhead } from '../../lib/async/map-ahead';
import type { DataBackend } from './data-backend';

const AT_A_TIME = 16;

/** @throws the first error, once all have been tried. */
export async function writeAll(
  backend: Pick<DataBackend, 'write'>,
  files: Iterable<readonly [path: string, bytes: Uint8Array<ArrayBuffer>]>,
): Promise<void> {
  let failure: { error: unknown } | null = null;
  const tried = mapAhead(files, AT_A_TIME, ([path, bytes]) =>
    backend.write(path, bytes).then(
      () => null,
      (error: unknown) => ({ error }),
    ),
  );
  for await (const outcome of tried) failure ??= outcome;
  if (failure !== null) throw failure.error;
}
