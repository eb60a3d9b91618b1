// Caches in a bucket, as the data worker keeps them there: another session, with nothing of its own, finds what one has made.
import { afterEach, describe, expect, it } from 'vitest';
import { commands } from 'vitest/browser';
import { openDatabase, type Database } from '../../src/core/database';
import { createAwsBackend } from '../../src/data/backends/aws-backend';
import { browserClock } from '../../src/lib/async/browser-clock';
import { MemoryBlobStore } from '../../src/lib/storage/memory-blob-store';
import type { BackendConfigJson } from '../../src/protocol/backends';
import type { DatasetRecord } from '../../src/protocol/datasets';
import { CacheStores } from '../../src/services/cache-stores';

const opened: Database[] = [];
const dataset = { id: 'd', name: 'D', backendId: 'rows' } as DatasetRecord;
const keys = Array.from({ length: 300 }, (_, i) => i.toString(16).padStart(64, '0'));

/** A machine of its own: its database knows the configurations and nothing else. */
async function machine(store: BackendConfigJson): Promise<CacheStores> {
  const database = await openDatabase(crypto.randomUUID());
  opened.push(database);
  for (const config of [{ id: 'rows', text_embeds: store.id }, store]) {
    const rest = { datasetId: null, builtWith: null, report: null, createdAt: 0 };
    await database.put('backends', { id: config.id, config, ...rest });
  }
  return new CacheStores({
    database,
    openStore: (config, secrets) =>
      Promise.resolve(
        createAwsBackend({
          ...{ config, secrets, folder: null, blobs: new MemoryBlobStore() },
          ...{ fetch: (input, init) => fetch(input, init), clock: browserClock, online: () => true },
        }),
      ),
    now: () => Date.now(),
    createId: () => crypto.randomUUID(),
    warn: () => undefined,
  });
}

describe('cache store', () => {
  afterEach(() => {
    for (const database of opened.splice(0)) {
      database.close();
      indexedDB.deleteDatabase(database.name);
    }
  });

  it('cache store: what one machine keeps in a bucket another one reads, by few requests', async () => {
    const { url, bucket, secrets } = await commands.openS3Bucket();
    const place = { aws_bucket_name: bucket, aws_endpoint_url: url, aws_data_prefix: 'cache' };
    const store = { id: 'bucket', dataset_type: 'text_embeds', type: 'aws', ...place };
    const first = await machine(store);
    await first.connectStore('bucket', secrets);
    const { cache } = await first.valuesOf(dataset, 'vectors');
    for (const [i, key] of keys.entries())
      await cache.write({
        key,
        datasetId: 'd',
        bytes: new Uint8Array(16).fill(i % 250),
        compress: i % 2 === 0,
      });
    await cache.waitForPendingWrites();
    expect((await commands.askedOfS3()).filter(({ method }) => method === 'PUT')).toHaveLength(3);

    const second = await machine(store);
    await second.connectStore('bucket', secrets);
    const values = await (await second.valuesOf(dataset, 'vectors')).cache.read(keys);
    expect(values.map((bytes) => bytes?.[0])).toEqual(keys.map((_, i) => i % 250));
    expect((await second.sizes()).stores[1]?.vectors).toMatchObject({
      off: null,
      datasets: [{ values: 300 }],
    });
    await second.clear('d');
    const third = await machine(store);
    await third.connectStore('bucket', secrets);
    expect((await third.sizes()).stores[1]?.vectors.datasets).toEqual([]);
  });

  it('cache store: with a wrong key it is refused, and no secret is told', async () => {
    const { url, bucket, secrets } = await commands.openS3Bucket();
    const place = { aws_bucket_name: bucket, aws_endpoint_url: url };
    const stores = await machine({ id: 'bucket', dataset_type: 'text_embeds', type: 'aws', ...place });
    const wrong = { ...secrets, aws_secret_access_key: 'a-wrong-secret' };
    const refused = await stores.connectStore('bucket', wrong).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'backend.denied' });
    expect(JSON.stringify([refused, await stores.sizes()])).not.toContain('a-wrong-secret');
    expect((await stores.valuesOf(dataset, 'tokens')).cache.off).toMatch(/not connected/);
  });
});
