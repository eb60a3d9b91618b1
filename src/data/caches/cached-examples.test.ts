import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Database } from '../../core/database';
import { createPlainTemplate } from '../../lib/text/plain-template';
import type { Sample } from '../../protocol/datasets';
import { ExampleCache } from '../batches/example-cache';
import { ExampleEncoder } from '../examples/example-encoder';
import { CHARACTERS } from '../testing/characters';
import { memoryData } from '../testing/memory-data';
import { CachedExamples, type CachedExamplesParts, type EncodedSample } from './cached-examples';
import { tokenCache } from './page-caches';
import type { ValueCache } from './value-cache';

const text = (content: string): Sample => ({ kind: 'text', text: content });
const chat = (answer: string): Sample => ({
  kind: 'turns',
  turns: [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: answer },
  ],
});
const LONG = 'long '.repeat(600);

describe('cached-examples', () => {
  let database: Database;
  let cache: ValueCache;
  beforeEach(async () => {
    ({ database } = await memoryData());
    cache = tokenCache(database);
  });

  /** What a session that begins with nothing in memory sees. */
  function session(samples: Sample[], changes: Partial<CachedExamplesParts> = {}, source = 'files') {
    const encoder = new ExampleEncoder(CHARACTERS, createPlainTemplate(CHARACTERS), source);
    const encode = vi.spyOn(encoder, 'encode');
    const examples = new CachedExamples({
      source: {
        count: samples.length,
        leftOut: new Set(),
        read: (i) => Promise.resolve(samples[i] ?? text('')),
      },
      encoder,
      trainOn: 'assistant',
      memory: new ExampleCache(1 << 20),
      kept: { cache, datasetId: 'd' },
      ...changes,
    });
    return { examples, encode, encoder };
  }

  async function pass(examples: CachedExamples): Promise<EncodedSample[]> {
    const all: EncodedSample[] = [];
    for await (const encoded of examples.inOrder()) all.push(encoded);
    await cache.waitForPendingWrites();
    return all;
  }

  it('tokenises once: a later session reads the same examples back, dropped ones among them', async () => {
    const samples = [text('ab'), chat('yes'), text(LONG), text('')];
    const first = session(samples);
    const made = await pass(first.examples);
    expect(made.map(({ sample }) => sample)).toEqual([0, 1, 2, 3]);
    expect(made[0]?.example).toMatchObject({ kind: 'text', ids: Int32Array.of(97, 98, 0) });
    expect(made[3]?.example).toBe('too-short');
    const second = session(samples);
    expect(await pass(second.examples)).toEqual(made);
    expect(first.encode).toHaveBeenCalledTimes(4);
    expect(second.encode).not.toHaveBeenCalled();
  });

  it('makes them anew for another tokenizer, another rule of the mask, or a changed sample', async () => {
    const samples = [chat('yes'), chat('no')];
    await pass(session(samples).examples);
    const others = [
      session(samples, {}, 'other files'),
      session(samples, { trainOn: 'all' }),
      session([chat('yes'), chat('yo')]),
    ];
    for (const { examples, encode } of others) {
      await pass(examples);
      expect(encode).toHaveBeenCalledTimes(2);
    }
    // Texts are learnt whole under either rule.
    await pass(session([text('same')]).examples);
    const { examples, encode } = session([text('same')], { trainOn: 'all' });
    await pass(examples);
    expect(encode).not.toHaveBeenCalled();
  });

  it('tokenises what stands there twice once', async () => {
    const { examples, encode } = session([text('ab'), text('ab'), text(LONG), text(LONG)]);
    const made = await pass(examples);
    expect(encode).toHaveBeenCalledTimes(2);
    expect(made[1]?.example).toEqual(made[0]?.example);
    expect(await database.count('cachedTokens')).toBe(2);
  });

  it('keeps short samples by the block and long ones each for itself', async () => {
    await pass(session([...Array.from({ length: 200 }, (_, i) => text(`row ${i}`)), text(LONG)]).examples);
    expect(await database.count('cachedTokens')).toBe(3);
  });

  it('finds one long sample again without a pass', async () => {
    await pass(session([text('ab'), text(LONG)]).examples);
    const { examples, encode } = session([text('ab'), text(LONG)]);
    expect(await examples.read(1)).toMatchObject({ kind: 'text' });
    expect(encode).not.toHaveBeenCalled();
    await examples.read(0);
    await examples.read(0);
    expect(encode).toHaveBeenCalledTimes(1);
  });

  it.each([false, true])('makes a damaged value again and puts it in place, gzip %s', async (compress) => {
    await pass(session([text(LONG)], { kept: { cache, datasetId: 'd', compress } }).examples);
    const [row] = await database.getAll('cachedTokens');
    if (row === undefined) throw new Error('Nothing was kept.');
    const bytes = row.bytes.slice();
    new Uint8Array(bytes).fill(0x55, bytes.byteLength >> 1);
    await database.put('cachedTokens', { ...row, bytes });
    const { examples, encode } = session([text(LONG)], { kept: { cache, datasetId: 'd', compress } });
    const [made] = await pass(examples);
    expect(made?.example).toMatchObject({ ids: Int32Array.from([...CHARACTERS.encode(LONG), 0]) });
    expect(encode).toHaveBeenCalledTimes(1);
    expect((await database.get('cachedTokens', row.key))?.bytes).toEqual(row.bytes);
  });

  it('adds nothing when it is only to be read', async () => {
    await pass(
      session([text('ab'), text(LONG)], { kept: { cache, datasetId: 'd', readOnly: true } }).examples,
    );
    expect(await database.count('cachedTokens')).toBe(0);
    await pass(session([text('ab')]).examples);
    const { examples, encode } = session([text('ab')], { kept: { cache, datasetId: 'd', readOnly: true } });
    await pass(examples);
    expect(encode).not.toHaveBeenCalled();
  });

  it('keeps nothing where it is not known what the tokens depend on, or there is no cache', async () => {
    const unknown = new ExampleEncoder(CHARACTERS, createPlainTemplate(CHARACTERS));
    await pass(session([text('ab')], { encoder: unknown }).examples);
    await pass(session([text('ab')], { kept: null }).examples);
    expect(await database.count('cachedTokens')).toBe(0);
  });

  it('leaves out what is left out, and gives way while much is tokenised', async () => {
    const pause = vi.fn(() => Promise.resolve());
    const samples = Array.from({ length: 20 }, () => text(LONG));
    const source = {
      count: 20,
      leftOut: new Set([0]),
      read: (i: number) => Promise.resolve(samples[i] ?? text('')),
    };
    const made = await pass(session([], { source, pause }).examples);
    expect(made).toHaveLength(19);
    expect(made[0]?.sample).toBe(1);
    expect(pause).toHaveBeenCalled();
  });
});
