import 'fake-indexeddb/auto';
import { describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../core/database';
import { canonicalJson } from './canonical-json';
import { isDeterministic, ResponseCache, responseKey, type ResponseKeyParts } from './response-cache';

const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: null };
const parts: ResponseKeyParts = {
  fingerprint: 'abc',
  adapterId: null,
  storage: 'f32',
  promptIds: [1, 2, 3],
  sampling,
  maxTokens: 8,
  stop: [],
};
const answer = { text: 'hello', reason: 'stop' as const, completionTokens: 2 };
let names = 0;
const open = (): Promise<Database> => openDatabase(`responses-${(names += 1)}`);

describe('responseKey', () => {
  it('canonical JSON: does not depend on the order of keys', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: true })).toBe(
      '{"a":true,"b":[1,{"c":"x","d":null}]}',
    );
    expect(() => canonicalJson({ a: NaN })).toThrow(RangeError);
  });

  it('key: changes with weights, adapter, prompt, parameters and seed', async () => {
    const seeded = { ...sampling, temperature: 1, seed: 1 };
    const keys = await Promise.all(
      [
        parts,
        { ...parts, fingerprint: 'abd' },
        { ...parts, adapterId: 'a' },
        { ...parts, promptIds: [1, 23] },
        { ...parts, maxTokens: 9 },
        { ...parts, stop: ['x'] },
        { ...parts, sampling: seeded },
        { ...parts, sampling: { ...seeded, seed: 2 } },
        { ...parts, sampling: { ...sampling, repetitionPenalty: 1.1 } },
      ].map(responseKey),
    );
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it('key: greedy requests do not differ by what greedy decoding ignores', async () => {
    const other = { ...parts, sampling: { ...sampling, topK: 5, topP: 0.5, seed: 4 } };
    expect(await responseKey(other)).toBe(await responseKey(parts));
  });

  it('deterministic: greedy or seeded', () => {
    expect(isDeterministic({ sampling })).toBe(true);
    expect(isDeterministic({ sampling: { ...sampling, temperature: 1, seed: 0 } })).toBe(true);
    expect(isDeterministic({ sampling: { ...sampling, temperature: 1 } })).toBe(false);
  });
});

describe('ResponseCache', () => {
  it('memory: evicts the least recently used answer', async () => {
    const cache = new ResponseCache(null, { memoryEntries: 2 });
    await cache.put('a', answer);
    await cache.put('b', answer);
    await cache.get('a');
    await cache.put('c', answer);
    expect([await cache.get('a'), await cache.get('b')]).toEqual([answer, null]);
  });

  it('store: outlives the memory and is cut to its size, oldest use first', async () => {
    const database = await open();
    let now = 0;
    const options = { storedEntries: 2, now: () => (now += 1) };
    const cache = new ResponseCache(database, options);
    for (const key of ['a', 'b', 'c']) await cache.put(key, answer);
    const later = new ResponseCache(database, options);
    expect([await later.get('a'), await later.get('c')]).toEqual([null, answer]);
    await later.clear();
    expect(await new ResponseCache(database).get('c')).toBeNull();
  });

  it('a store that fails: warns once and goes on', async () => {
    const database = await open();
    database.close();
    const warnings: string[] = [];
    const cache = new ResponseCache(database, { warn: (message) => warnings.push(message) });
    await cache.put('a', answer);
    expect(await cache.get('a')).toEqual(answer);
    expect(await cache.get('b')).toBeNull();
    expect(warnings).toHaveLength(1);
  });
});
