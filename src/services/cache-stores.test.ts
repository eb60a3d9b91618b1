import { beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryBackend } from '../data/backends/memory-backend';
import { type MemoryData, memoryData } from '../data/testing/memory-data';
import { AppError } from '../lib/errors';
import type { BackendConfigJson } from '../protocol/backends';
import type { DatasetRecord } from '../protocol/datasets';
import { CacheStores } from './cache-stores';

const BUCKET = { id: 'bucket', dataset_type: 'text_embeds', type: 'aws', aws_bucket_name: 'b' };
const SECRETS = { aws_secret_access_key: 'hush' };
const cache = { readOnly: false, compress: false, writeBatchSize: 128, encodedAtOnce: 1 };
const dataset = { id: 'd', name: 'D', backendId: 'rows', training: { cache } } as DatasetRecord;

describe('cache-stores', () => {
  let data: MemoryData;
  let stores: CacheStores;
  let buckets: Map<string, MemoryBackend>;
  const warn = vi.fn<(text: string) => void>();

  beforeEach(async () => {
    data = await memoryData();
    buckets = new Map();
    warn.mockClear();
    stores = session();
  });

  function session(): CacheStores {
    return new CacheStores({
      database: data.database,
      openStore: (config, secrets) => {
        if (config['type'] === 'aws' && secrets['aws_secret_access_key'] !== 'hush')
          throw new AppError('backend.denied', 'The key was refused.', {});
        const known = config['type'] === 'aws' ? buckets.get(config.id) : undefined;
        const backend = known ?? new MemoryBackend({ id: config.id, now: () => 0 });
        buckets.set(config.id, backend);
        return Promise.resolve(backend);
      },
      now: () => 0,
      createId: () => crypto.randomUUID(),
      warn,
    });
  }

  async function configure(...configs: BackendConfigJson[]): Promise<void> {
    for (const config of configs) {
      const record = { id: config.id, config, datasetId: null, builtWith: null, report: null, createdAt: 0 };
      await data.database.put('backends', record);
    }
  }

  async function keep(values: CacheStores, key: string): Promise<void> {
    const { cache: vectors } = await values.valuesOf(dataset, 'vectors');
    await vectors.write({ key, datasetId: 'd', bytes: new Uint8Array(8), compress: false });
    await vectors.waitForPendingWrites();
  }

  const isKept = async (values: CacheStores, key: string): Promise<boolean> =>
    (await (await values.valuesOf(dataset, 'vectors')).cache.read([key]))[0] !== null;

  it('cache-stores: without a store of their own values lie in the storage of this page', async () => {
    await configure(
      { id: 'rows' },
      { id: 'text-embeds', dataset_type: 'text_embeds', type: 'local', default: true },
    );
    await keep(stores, 'k');
    expect(await data.database.count('cachedVectors')).toBe(1);
    expect((await stores.sizes()).stores).toMatchObject([
      { storeId: null, vectors: { datasets: [{ datasetId: 'd', values: 1 }] } },
    ]);
  });

  it('cache-stores: a store in memory is gone with the session', async () => {
    await configure(
      { id: 'rows', text_embeds: 'ram' },
      { id: 'ram', dataset_type: 'text_embeds', type: 'memory' },
    );
    await keep(stores, 'k');
    expect(await isKept(stores, 'k')).toBe(true);
    expect(await data.database.count('cachedVectors')).toBe(0);
    expect(await isKept(session(), 'k')).toBe(false);
  });

  it('cache-stores: a bucket that is not connected is told once, and nothing is kept', async () => {
    await configure({ id: 'rows' }, { ...BUCKET, default: true });
    await keep(stores, 'k');
    expect(await isKept(stores, 'k')).toBe(false);
    expect(warn).toHaveBeenCalledTimes(1);
    expect((await stores.sizes()).stores[1]).toMatchObject({
      storeId: 'bucket',
      vectors: { off: expect.stringContaining('"bucket" is not connected') as string },
    });
  });

  it('cache-stores: connected, a bucket holds values that another session finds', async () => {
    await configure({ id: 'rows', text_embeds: 'bucket' }, BUCKET);
    await expect(stores.connectStore('bucket', {})).rejects.toMatchObject({ code: 'backend.denied' });
    await expect(stores.connectStore('other', SECRETS)).rejects.toMatchObject({ code: 'backend.unknown' });
    await stores.connectStore('bucket', SECRETS);
    await keep(stores, 'k');
    const later = session();
    await later.connectStore('bucket', SECRETS);
    expect(await isKept(later, 'k')).toBe(true);
    await later.clear('d');
    expect(buckets.get('bucket')?.usedBytes).toBe(0);
  });

  it('cache-stores: a store adds to how values are kept, a dataset of files has none', async () => {
    const settings = { write_batch_size: 9, text_encoder_batch_size: 4, compress_cache: true };
    await configure({ id: 'rows' }, { ...BUCKET, ...settings, default: true, text_cache_disable: true });
    expect(await stores.valuesOf(dataset, 'tokens')).toMatchObject({
      ...{ readOnly: true, compress: true, writeBatchSize: 9, encodedAtOnce: 4 },
    });
    const { backendId: _, ...byHand } = dataset;
    expect(await stores.valuesOf(byHand, 'tokens')).toMatchObject({ readOnly: false, compress: false });
    expect(warn).toHaveBeenCalledTimes(1);
  });
});
