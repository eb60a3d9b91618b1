// What a model's weights are known by: the SHA-256 of their file, or of several one after the other. Read in small
// pieces; never a file in memory.
import { hashBlob } from '../../lib/download/checksum';
import type { NamedFile } from '../../protocol/models';

/** @param weights in the order of their names. @returns lower-case hex. */
export function fingerprintOf(weights: readonly NamedFile[]): Promise<string> {
  const [only, second] = weights.map(({ blob }) => blob);
  const whole = only !== undefined && second === undefined ? only : new Blob(weights.map(({ blob }) => blob));
  return hashBlob(whole, 'sha256');
}
