// Tokenised samples in the browser's own database: transactions, compression and clearing as the data worker uses them.
import { afterEach, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../../src/core/database';
import { ExampleCache } from '../../src/data/batches/example-cache';
import { CachedExamples } from '../../src/data/caches/cached-examples';
import { tokenCache } from '../../src/data/caches/page-caches';
import type { ValueCache } from '../../src/data/caches/value-cache';
import { ExampleEncoder } from '../../src/data/examples/example-encoder';
import { CHARACTERS } from '../../src/data/testing/characters';
import { createPlainTemplate } from '../../src/lib/text/plain-template';

const opened: Database[] = [];

async function open(name: string): Promise<Database> {
  const database = await openDatabase(name);
  opened.push(database);
  return database;
}

/** All examples of a session of its own, and how many it had to make. */
async function pass(cache: ValueCache, compress: boolean) {
  const encoder = new ExampleEncoder(CHARACTERS, createPlainTemplate(CHARACTERS), 'files');
  let made = 0;
  const encode = encoder.encode.bind(encoder);
  encoder.encode = (...rest) => {
    made += 1;
    return encode(...rest);
  };
  const read = (i: number) =>
    Promise.resolve({ kind: 'text' as const, text: `row ${i} `.repeat(1 + (i % 10) * 60) });
  const source = { count: 300, leftOut: new Set<number>(), read };
  const memory = new ExampleCache(0);
  const kept = { cache, datasetId: 'd', compress };
  const examples = new CachedExamples({ source, encoder, trainOn: 'all', memory, kept });
  const all = [];
  for await (const { example } of examples.inOrder()) all.push(example);
  await cache.waitForPendingWrites();
  return { all, made };
}

describe('token cache', () => {
  afterEach(() => {
    for (const database of opened.splice(0)) {
      database.close();
      indexedDB.deleteDatabase(database.name);
    }
  });

  it.each([false, true])('reads back in a later session what it made, compressed: %s', async (compress) => {
    const name = crypto.randomUUID();
    const first = await pass(tokenCache(await open(name)), compress);
    expect(first.made).toBe(300);
    const later = tokenCache(await open(name));
    const second = await pass(later, compress);
    expect(second.made).toBe(0);
    expect(second.all).toEqual(first.all);
    await later.clear('d');
    expect((await later.sizes()).datasets).toEqual([]);
  });

  it('takes less room compressed, and stays within its budget', async () => {
    const plain = tokenCache(await open(crypto.randomUUID()));
    const small = tokenCache(await open(crypto.randomUUID()));
    const bounded = tokenCache(await open(crypto.randomUUID()), { budgetBytes: 1 << 19 });
    await pass(plain, false);
    await pass(small, true);
    await pass(bounded, false);
    const [plainSize, smallSize, boundedSize] = await Promise.all(
      [plain, small, bounded].map(async (cache) => (await cache.sizes()).datasets[0]?.bytes ?? 0),
    );
    expect(smallSize).toBeLessThan((plainSize ?? 0) / 2);
    expect(boundedSize).toBeGreaterThan(0);
    expect(boundedSize).toBeLessThanOrEqual(1 << 19);
  });
});
