import { describe, expect, test } from 'vitest';
import { MemoryBackend } from './memory-backend';

const bytes = (count: number): Uint8Array<ArrayBuffer> => new Uint8Array(count);

describe('MemoryBackend', () => {
  test('memory: its budget holds, what does not fit is told in bytes and changes nothing', async () => {
    const backend = new MemoryBackend({ id: 'cache', budgetBytes: 100, now: () => 7 });
    await backend.write('a', bytes(60));
    await expect(backend.write('b', bytes(41))).rejects.toMatchObject({
      code: 'storage.quota',
      details: { path: 'b', neededBytes: 41, freeBytes: 40, budgetBytes: 100 },
    });
    await expect(backend.write('a', bytes(101))).rejects.toMatchObject({ code: 'storage.quota' });
    expect((await backend.read('a'))?.byteLength).toBe(60);
    expect(await backend.read('b')).toBeNull();
  });

  test('memory: what is replaced or deleted is free again', async () => {
    const backend = new MemoryBackend({ id: 'cache', budgetBytes: 100, now: () => 7 });
    await backend.write('a', bytes(90));
    await backend.write('a', bytes(100));
    expect(backend.usedBytes).toBe(100);
    await backend.delete('a');
    await backend.delete('a');
    expect(backend.usedBytes).toBe(0);
    await backend.write('b', bytes(100));
  });
});
