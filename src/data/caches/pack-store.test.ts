import { describe, expect, it, vi } from 'vitest';
import { MemoryBackend } from '../backends/memory-backend';
import { PackStore } from './pack-store';
import { ValueCache } from './value-cache';

const bytesOf = (size: number, value = 7) => new Uint8Array(size).fill(value);

function bench(budgetBytes = 1 << 20) {
  let time = 0;
  const backend = new MemoryBackend({ id: 'cache', budgetBytes, now: () => 0 });
  const open = () => {
    const now = () => (time += 1);
    const options = { folder: 'vectors', budgetBytes, now, createId: () => 'x' };
    return new ValueCache(new PackStore(backend, options), { what: 'Vectors', warn: () => undefined });
  };
  const write = async (
    cache: ValueCache,
    keys: string[],
    changes: { datasetId?: string; size?: number } = {},
  ) => {
    const { datasetId = 'd', size = 4 } = changes;
    for (const key of keys) await cache.write({ key, datasetId, bytes: bytesOf(size), compress: false });
    await cache.waitForPendingWrites();
  };
  const files = async () => {
    const paths: string[] = [];
    for await (const { path } of backend.list()) paths.push(path);
    return paths;
  };
  return { backend, open, write, files };
}

describe('pack-store', () => {
  it('pack-store: what is written at once is one file, which another machine finds', async () => {
    const { open, write, files, backend } = bench();
    await write(open(), ['a', 'b', 'c']);
    expect(await files()).toEqual(['vectors/d/000000001-x.pack']);
    const reads = vi.spyOn(backend, 'open');
    const later = open();
    expect(await later.known(['c', 'none', 'a'])).toEqual(new Set(['a', 'c']));
    expect(await later.read(['c', 'none', 'a'])).toEqual([bytesOf(4), null, bytesOf(4)]);
    // Once for its list, once for its values.
    expect(reads).toHaveBeenCalledTimes(2);
  });

  it('pack-store: gzip is kept by the value', async () => {
    const { open } = bench();
    const cache = open();
    await cache.write({ key: 'a', datasetId: 'd', bytes: bytesOf(9000), compress: true });
    await cache.waitForPendingWrites();
    expect((await cache.sizes()).datasets[0]?.bytes).toBeLessThan(300);
    expect(await open().read(['a'])).toEqual([bytesOf(9000)]);
  });

  it('pack-store: sizes by dataset, and one cleared', async () => {
    const { open, write, files } = bench();
    const cache = open();
    await write(cache, ['a', 'b'], { datasetId: 'x' });
    await write(cache, ['c'], { datasetId: 'y' });
    expect((await cache.sizes()).datasets).toMatchObject([
      { datasetId: 'x', values: 2 },
      { datasetId: 'y', values: 1 },
    ]);
    await cache.clear('x');
    expect(await files()).toEqual(['vectors/y/000000002-x.pack']);
    expect(await cache.read(['a', 'c'])).toEqual([null, bytesOf(4)]);
  });

  it('pack-store: a file that is damaged goes, one that is gone is not found', async () => {
    const { open, write, files, backend } = bench();
    await write(open(), ['a']);
    await backend.write('vectors/d/000000009-y.pack', bytesOf(20));
    const cache = open();
    expect(await cache.read(['a'])).toEqual([bytesOf(4)]);
    expect(await files()).toEqual(['vectors/d/000000001-x.pack']);
    await backend.delete('vectors/d/000000001-x.pack');
    expect(await cache.read(['a'])).toEqual([null]);
  });

  it('pack-store: a value that is written again is the later one, and the pack of none goes', async () => {
    const { open, write, files } = bench();
    await write(open(), ['a']);
    const cache = open();
    await cache.forget('a');
    expect(await files()).toEqual([]);
    await write(cache, ['a'], { size: 8 });
    expect(await open().read(['a'])).toEqual([bytesOf(8)]);
  });

  it('pack-store: where the place is full, what was used longest ago goes', async () => {
    const { open, write } = bench(700);
    const cache = open();
    for (const key of ['a', 'b', 'c']) await write(cache, [key], { size: 180 });
    await cache.read(['a']);
    await write(cache, ['d'], { size: 180 });
    expect(await cache.read(['a', 'b', 'c', 'd'])).toMatchObject([
      bytesOf(180),
      null,
      bytesOf(180),
      bytesOf(180),
    ]);
    await write(cache, ['e'], { size: 800 });
    expect(cache.off).toMatch(/No room left for vectors/);
  });

  it('pack-store: a place that cannot be reached is off, and says so', async () => {
    const { open, backend } = bench();
    await backend.close();
    const cache = open();
    expect(await cache.read(['a'])).toEqual([null]);
    expect(cache.off).toMatch(/cannot be read back/);
  });
});
