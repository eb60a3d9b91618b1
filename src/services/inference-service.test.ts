import 'fake-indexeddb/auto';
import { describe, expect, it } from 'vitest';
import { AppError } from '../lib/errors';
import type { GenerationEvent, GenerationRequest } from '../protocol/inference';
import type { AdapterRecord } from '../protocol/models';
import { toyConfig } from '../training/testing/recording-sink';
import { toyModelRecord } from '../inference/testing/toy-language-model';
import { createServiceBench, type ServiceBench } from './testing/service-bench';

const request = (prompt: string, adapterId: string | null = null): GenerationRequest => ({
  target: { modelId: 'toy', adapterId },
  input: { prompt },
  sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: null },
  maxTokens: 6,
  stop: [],
});

const adapter = (id: string): AdapterRecord => ({
  id,
  name: id,
  baseModelId: 'toy',
  baseFingerprint: toyModelRecord.fingerprint,
  lora: { rank: 2, alpha: 4, dropout: 0, targets: ['q'] },
  sizeBytes: 1,
  folder: `adapters/${id}`,
  runId: null,
  createdAt: 0,
});

async function collect(
  bench: ServiceBench,
  asked: GenerationRequest,
  signal?: AbortSignal,
): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = [];
  for await (const event of bench.inference.generate(asked, signal)) events.push(event);
  return events;
}
const textOf = (events: GenerationEvent[]): string =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');

describe('InferenceService', () => {
  it('adapters: are switched without loading the base again, and change the answer', async () => {
    const bench = await createServiceBench();
    await bench.database.put('adapters', adapter('a'));
    const base = textOf(await collect(bench, request('hello')));
    const tuned = textOf(await collect(bench, request('hello', 'a')));
    const again = textOf(await collect(bench, request('hello')));
    expect(tuned).not.toBe(base);
    expect(again).toBe(base);
    expect(bench.loaded).toHaveLength(1);
  });

  it('an unknown adapter or model: an error, and the line moves on', async () => {
    const bench = await createServiceBench();
    await expect(collect(bench, request('x', 'gone'))).rejects.toMatchObject({ code: 'adapter.unknown' });
    expect(textOf(await collect(bench, request('x')))).toHaveLength(6);
    expect(bench.inference.busy).toBe(false);
  });

  it('requests: are answered one after the other', async () => {
    const bench = await createServiceBench();
    const order: string[] = [];
    const ask = async (name: string): Promise<void> => {
      for await (const { type } of bench.inference.generate(request(name))) order.push(`${name} ${type}`);
    };
    await Promise.all([ask('a'), ask('b')]);
    expect(order.indexOf('b start')).toBeGreaterThan(order.indexOf('a finish'));
  });

  it('requests of one model, side by side: each has its answer, whoever else is written', async () => {
    const alone = await createServiceBench();
    const names = ['a', 'bb', 'c'];
    const expected: string[] = [];
    for (const name of names) expected.push(textOf(await collect(alone, request(name))));
    const bench = await createServiceBench(undefined, 2);
    const order: string[] = [];
    const ask = async (name: string): Promise<string> => {
      let text = '';
      for await (const event of bench.inference.generate(request(name))) {
        order.push(`${name} ${event.type}`);
        if (event.type === 'text') text += event.text;
      }
      return text;
    };
    expect(await Promise.all(names.map(ask))).toEqual(expected);
    expect(order.indexOf('bb start')).toBeLessThan(order.indexOf('a finish'));
    expect(order.indexOf('c start')).toBeGreaterThan(
      Math.min(order.indexOf('a finish'), order.indexOf('bb finish')),
    );
    expect(bench.inference.busy).toBe(false);
  });

  it('cancelled in line: ends at once and does not hold the line', async () => {
    const bench = await createServiceBench();
    const first = bench.inference.generate(request('first'));
    await first.next();
    const controller = new AbortController();
    const second = collect(bench, request('second'), controller.signal);
    controller.abort();
    expect(await second).toMatchObject([{ type: 'finish', reason: 'cancelled' }]);
    await first.return(undefined);
    expect(textOf(await collect(bench, request('third')))).toHaveLength(6);
  });

  it('during a training run: answers between its steps with the base it had', async () => {
    const quiet = await createServiceBench();
    const expected = textOf(await collect(quiet, request('hello')));
    const bench = await createServiceBench();
    const { id } = await bench.training.start(toyConfig({ maxSteps: 200, checkpointInterval: 0 }));
    expect(textOf(await collect(bench, request('hello')))).toBe(expected);
    expect(bench.training.running).toBe(true);
    expect(bench.loaded).toHaveLength(1);
    await bench.training.stop(id);
  });
});

describe('InferenceService, of a run', () => {
  const config = toyConfig({ maxSteps: 200, checkpointInterval: 0 });
  const ask = (runId: string): GenerationRequest => ({
    ...request('hello'),
    target: { modelId: 'toy', adapterId: null, runId },
  });
  const stepsAfter = (bench: ServiceBench, count: number): Promise<void> =>
    new Promise((resolve) => {
      let seen = 0;
      const off = bench.bus.on('training.step', () => {
        seen += 1;
        if (seen < count) return;
        off();
        resolve();
      });
    });

  it('in training: answers with its weights, differently after some steps, and nothing is loaded or kept', async () => {
    const bench = await createServiceBench();
    const { id } = await bench.training.start(config);
    const before = await collect(bench, ask(id));
    await stepsAfter(bench, 3);
    const after = await collect(bench, ask(id));
    expect(textOf(before)).toHaveLength(6);
    expect(textOf(after)).not.toBe(textOf(before));
    expect(after.at(-1)).toMatchObject({ stats: { cachedTokens: 0, fromResponseCache: false } });
    expect(bench.training.running).toBe(true);
    expect(bench.loaded).toHaveLength(1);
    expect(bench.loaded[0]?.sessions.every(({ disposed }) => disposed)).toBe(true);
    expect(await bench.database.count('adapters')).toBe(0);
    expect(await bench.training.listCheckpoints(id)).toEqual([]);
    await bench.training.stop(id);
  });

  it('chatted with: its losses are those of a run that nobody chatted with', async () => {
    const losses = async (chat: boolean): Promise<(number | null)[]> => {
      const bench = await createServiceBench();
      const { id } = await bench.training.start({ ...config, maxSteps: 12 });
      if (chat) expect(textOf(await collect(bench, ask(id)))).toHaveLength(6);
      await bench.rested(id);
      return bench.events.flatMap((event) => (event.type === 'training.step' ? [event.data.loss] : []));
    };
    expect(await losses(true)).toEqual(await losses(false));
  });

  it('over in the middle of an answer: the answer ends with run.unknown before the weights go', async () => {
    const bench = await createServiceBench();
    const { id } = await bench.training.start(config);
    const answer = bench.inference.generate(ask(id));
    await answer.next();
    await answer.next();
    await bench.training.stop(id);
    expect(bench.loaded[0]?.sessions.every(({ disposed }) => disposed)).toBe(true);
    expect(bench.trainings[0]?.disposed).toBe(true);
    await expect(answer.next()).rejects.toMatchObject({ code: 'run.unknown' });
    await expect(collect(bench, ask(id))).rejects.toMatchObject({ code: 'run.unknown' });
    expect(bench.inference.busy).toBe(false);
  });

  it('held in memory by a full disk: answers; resumed, it trains on', async () => {
    const bench = await createServiceBench();
    const write = bench.blobs.write.bind(bench.blobs);
    bench.blobs.write = (path) => Promise.reject(new AppError('storage.quota', `No room left: ${path}.`));
    const { id } = await bench.training.start({ ...config, maxSteps: 12, checkpointInterval: 4 });
    expect((await bench.rested(id)).status).toBe('paused');
    expect(textOf(await collect(bench, ask(id)))).toHaveLength(6);
    bench.blobs.write = write;
    await bench.training.resume(id);
    expect((await bench.rested(id)).status).toBe('finished');
  });

  it('a run of another model: is refused', async () => {
    const bench = await createServiceBench();
    const { id } = await bench.training.start(config);
    const other = { ...ask(id), target: { modelId: 'other', adapterId: null, runId: id } };
    await expect(collect(bench, other)).rejects.toMatchObject({ code: 'adapter.base-mismatch' });
    await bench.training.stop(id);
  });
});

describe('ModelService', () => {
  it('in use: a model is not forgotten; afterwards it is, with its sessions', async () => {
    const bench = await createServiceBench();
    const lease = await bench.models.borrow({ modelId: 'toy', adapterId: null });
    await expect(bench.models.forgetModel('toy')).rejects.toMatchObject({ code: 'engine.busy' });
    lease.release();
    lease.release();
    await bench.models.forgetModel('toy');
    expect(bench.loaded[0]?.state.disposed).toBe(true);
    expect(bench.models.loadedIds).toEqual([]);
  });

  it('another base: the one that nobody uses goes first', async () => {
    const bench = await createServiceBench();
    await bench.database.put('models', { ...toyModelRecord, id: 'other', name: 'Other' });
    (await bench.models.borrow({ modelId: 'toy', adapterId: null })).release();
    const lease = await bench.models.borrow({ modelId: 'other', adapterId: null });
    expect(bench.models.loadedIds).toEqual(['other']);
    expect(bench.loaded[0]?.state.disposed).toBe(true);
    (await bench.models.borrow({ modelId: 'toy', adapterId: null })).release();
    expect(bench.models.loadedIds.sort()).toEqual(['other', 'toy']);
    lease.release();
  });

  it('in two storages: loaded in each, while both are used; forgotten together', async () => {
    const bench = await createServiceBench();
    const target = { modelId: 'toy', adapterId: null };
    const leases = [
      await bench.models.borrow(target),
      await bench.models.borrow({ ...target, storage: 'int4' }),
      await bench.models.borrow({ ...target, storage: 'f32' }),
    ];
    expect(leases.map(({ model }) => model.storage)).toEqual(['f32', 'int4', 'f32']);
    expect(bench.loaded).toHaveLength(2);
    expect(bench.models.loadedIds).toEqual(['toy']);
    leases[0]?.release();
    leases[2]?.release();
    await expect(bench.models.forgetModel('toy')).rejects.toMatchObject({ code: 'engine.busy' });
    leases[1]?.release();
    await bench.models.forgetModel('toy');
    expect(bench.loaded.map(({ state }) => state.disposed)).toEqual([true, true]);
  });

  it('asked for twice at once: is loaded once', async () => {
    const bench = await createServiceBench();
    const target = { modelId: 'toy', adapterId: null };
    const [a, b] = await Promise.all([bench.models.borrow(target), bench.models.borrow(target)]);
    expect(a.model).toBe(b.model);
    expect(bench.loaded).toHaveLength(1);
  });
});

describe('ModelLibrary', () => {
  it('deleting a model: takes its adapters and files along', async () => {
    const bench = await createServiceBench();
    const files = [{ name: 'model.safetensors', blob: new Blob(['w']) }];
    const model = await bench.library.importModel('  Mine ', files);
    expect(model).toMatchObject({ name: 'Mine', origin: 'imported' });
    await bench.library.importAdapter('tuned', model.id, [
      { name: 'adapter_config.json', blob: new Blob(['{}']) },
    ]);
    expect(await bench.database.count('adapters')).toBe(1);
    await bench.library.deleteModel(model.id);
    expect(await bench.database.count('adapters')).toBe(0);
    expect(await bench.blobs.list('models')).toEqual([]);
    expect(await bench.blobs.list('adapters')).toEqual([]);
  });

  it('a full disk in the middle: nothing of the import is left', async () => {
    const bench = await createServiceBench();
    const write = bench.blobs.write.bind(bench.blobs);
    bench.blobs.write = (path, content) =>
      path.endsWith('tokenizer.json') ? Promise.reject(new Error('full')) : write(path, content);
    const files = ['model.safetensors', 'tokenizer.json'].map((name) => ({ name, blob: new Blob(['x']) }));
    await expect(bench.library.importModel('Mine', files)).rejects.toThrow('full');
    expect(await bench.blobs.list('models')).toEqual([]);
    expect(await bench.database.count('models')).toBe(1);
  });

  it('an empty name: is refused', async () => {
    const bench = await createServiceBench();
    await expect(bench.library.renameModel('toy', '  ')).rejects.toMatchObject({ code: 'import.invalid' });
  });
});
