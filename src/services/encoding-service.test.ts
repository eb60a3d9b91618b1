import { describe, expect, it } from 'vitest';
import type { EncodingApi, EncodingInputs, EncodingProgress } from '../protocol/encoding';
import { EncodingService } from './encoding-service';

/** A data worker with texts to encode, and an engine whose vectors are the lengths of texts. */
function createBench(units: string[][], batchSize: number) {
  const kept = new Map<string, number[]>();
  const asked: string[][] = [];
  const log: string[] = [];
  const total = units.flat().length;
  const waiting = [...units];
  const data: EncodingApi = {
    openEncoding: () => Promise.resolve({ encodingId: 'e', total, done: 0, missing: total, batchSize }),
    nextToEncode: () => {
      const texts = waiting.shift();
      return Promise.resolve(texts === undefined ? null : { keys: texts, inputs: { kind: 'texts', texts } });
    },
    keepEncoded: (_, keys, vectors) => {
      keys.forEach((key, i) => kept.set(key, [...(vectors[i] ?? [])]));
      return Promise.resolve({ total, done: kept.size });
    },
    closeEncoding: (id) => Promise.resolve(void log.push(`closed ${id}`)),
  };
  const encode = (_modelId: string, inputs: EncodingInputs) => {
    if (inputs.kind !== 'texts') throw new Error('Only texts are encoded.');
    const { texts } = inputs;
    asked.push(texts);
    const vectors = texts.map((text) => Float32Array.of(text.length));
    return Promise.resolve({ dimensions: 1, vectors, truncated: texts[0] === 'long' ? [0] : [] });
  };
  return { service: new EncodingService({ data, encode, beat: () => undefined }), kept, asked, log };
}

describe('encoding-service', () => {
  it('encoding-service: so many texts at once as the data worker says, all kept under their keys', async () => {
    const bench = createBench([['a', 'bb', 'ccc'], ['long']], 2);
    const events: EncodingProgress[] = [];
    for await (const event of bench.service.encodeDataset('d', 'm')) events.push(event);
    expect(bench.asked).toEqual([['a', 'bb'], ['ccc'], ['long']]);
    expect(Object.fromEntries(bench.kept)).toEqual({ a: [1], bb: [2], ccc: [3], long: [4] });
    expect(events.map(({ done }) => done)).toEqual([0, 2, 3, 4]);
    expect(events.at(-1)).toEqual({ datasetId: 'd', total: 4, done: 4, dimensions: 1, truncated: 1 });
    expect(bench.log).toEqual(['closed e']);
    expect(bench.service.busy).toBe(false);
  });

  it('encoding-service: stopped between two encodes, what was made is kept and the encoding closed', async () => {
    const bench = createBench([['a', 'b', 'c']], 1);
    const stop = new AbortController();
    for await (const { done } of bench.service.encodeDataset('d', 'm', stop.signal))
      if (done === 2) stop.abort();
    expect([...bench.kept.keys()]).toEqual(['a', 'b']);
    expect(bench.log).toEqual(['closed e']);
  });

  it('encoding-service: an encoder that fails ends it, closed', async () => {
    const bench = createBench([['a']], 1);
    const failing = new EncodingService({
      data: {
        openEncoding: () => Promise.resolve({ encodingId: 'e', total: 1, done: 0, missing: 1, batchSize: 1 }),
        nextToEncode: () => Promise.resolve({ keys: ['a'], inputs: { kind: 'texts', texts: ['a'] } }),
        keepEncoded: () => Promise.reject(new Error('not reached')),
        closeEncoding: (id) => Promise.resolve(void bench.log.push(`closed ${id}`)),
      },
      encode: () => Promise.reject(new Error('the graph broke')),
      beat: () => undefined,
    });
    const run = async () => {
      for await (const event of failing.encodeDataset('d', 'm')) void event;
    };
    await expect(run()).rejects.toThrow('the graph broke');
    expect(bench.log).toEqual(['closed e']);
  });
});
