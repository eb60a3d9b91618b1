// Hashes a file as it is read: never the whole of it in memory, which is why it is not WebCrypto. Plain SHA-256, and
// git's way of naming a file's content (SHA-1 over a header and the bytes), which the hub has for small files.
import { createSHA1, createSHA256 } from 'hash-wasm';
import { AppError } from '../errors';

export interface Checksum {
  algorithm: 'sha256' | 'git-sha1';
  /** Lower case. */
  hex: string;
}

export interface HashOptions {
  /** Called with the bytes hashed so far. */
  onBytes?: (bytes: number) => void;
  signal?: AbortSignal;
}

/** @returns lower-case hex. @throws the signal's reason when it fires. */
export async function hashBlob(
  blob: Blob,
  algorithm: Checksum['algorithm'],
  { onBytes, signal }: HashOptions = {},
): Promise<string> {
  const hasher = algorithm === 'sha256' ? await createSHA256() : await createSHA1();
  hasher.init();
  if (algorithm === 'git-sha1') hasher.update(`blob ${blob.size}\0`);
  let bytes = 0;
  const reader = blob.stream().getReader();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) return hasher.digest('hex');
      hasher.update(value);
      bytes += value.byteLength;
      onBytes?.(bytes);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

export function checksumError(name: string, expected: Checksum, found: string): AppError {
  return new AppError(
    'download.checksum',
    `${name} is not what was announced: ${expected.algorithm} ${found}, expected ${expected.hex}.`,
    {
      details: { name, algorithm: expected.algorithm, expected: expected.hex, found },
      remedy:
        'It was removed. Download it again; if it comes out wrong again, something on the way changes it.',
    },
  );
}
