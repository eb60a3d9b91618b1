// Small files of a backend as text: captions beside samples, lists of filters.
import type { DataBackend } from '../backends/data-backend';

/** The answer is null where there is no such file. */
export function readTextOf(source: Pick<DataBackend, 'read'>): (path: string) => Promise<string | null> {
  const utf8 = new TextDecoder();
  return async (path) => {
    const bytes = await source.read(path);
    return bytes === null ? null : utf8.decode(bytes);
  };
}
