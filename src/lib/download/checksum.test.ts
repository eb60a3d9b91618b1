import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hashBlob } from './checksum';

describe('checksum', () => {
  test('checksum: SHA-256 of the published example', async () => {
    // FIPS 180-4, one-block message.
    expect(await hashBlob(new Blob(['abc']), 'sha256')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  test('checksum: SHA-256 over many chunks is that of the whole', async () => {
    const bytes = new Uint8Array(300_000).map((_, index) => index % 251);
    const seen: number[] = [];
    const hex = await hashBlob(new Blob([bytes]), 'sha256', { onBytes: (count) => seen.push(count) });
    expect(hex).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(seen.at(-1)).toBe(300_000);
  });

  test('checksum: names content as git does', async () => {
    // `printf 'hello\n' | git hash-object --stdin`
    expect(await hashBlob(new Blob(['hello\n']), 'git-sha1')).toBe(
      'ce013625030ba8dba906f756967f9e9ca394464a',
    );
  });

  test('checksum: stops when asked', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(hashBlob(new Blob(['abc']), 'sha256', { signal })).rejects.toThrow('enough');
  });
});
