import { packTar } from 'modern-tar';
import { beforeEach, describe, expect, it } from 'vitest';
import { createBackendFactory, type BackendFactory } from '../data/builders/backend-factory';
import { SampleReader } from '../data/storage/sample-reader';
import { memoryData, type MemoryData } from '../data/testing/memory-data';
import { MemoryBackend } from '../data/backends/memory-backend';
import { AppError } from '../lib/errors';
import type { BackendBuildEvent, BackendConfigJson } from '../protocol/backends';
import type { QualitySettings } from '../protocol/quality';
import type { BackendService } from './backend-service';
import type { QualityService } from './quality-service';
import { characterEncoder, qualityService } from './testing/quality-fixture';
import { asBuilt, backendService, buildBackend, textsOf } from './testing/backend-service-fixture';

const CONFIG: BackendConfigJson = {
  id: 'notes',
  dataset_type: 'text',
  type: 'local',
  instance_data_dir: 'notes',
};

const CHECK: QualitySettings = { modelId: 'm', similarity: 0.85, evalShare: 0, seed: 1, maxTokens: 100 };

/** Node's files do not say where they were. */
const file = (name: string, content: string, lastModified = 5): File =>
  Object.assign(new File([content], name, { lastModified }), { webkitRelativePath: `notes/${name}` });

describe('data backends', () => {
  let data: MemoryData;
  let service: BackendService;
  let forgotten: string[];
  let quality: QualityService;
  let noEncoder: AppError | null;
  let logged: string[];
  let factory: BackendFactory;

  beforeEach(async () => {
    data = await memoryData();
    forgotten = [];
    noEncoder = null;
    logged = [];
    factory = createBackendFactory();
    quality = qualityService(data, {
      encoder: () => (noEncoder === null ? Promise.resolve(characterEncoder()) : Promise.reject(noEncoder)),
    });
    service = backendService(data, {
      factory,
      encoders: () => Promise.resolve([{ id: 'm-1', name: 'MiniLM' }]),
      plans: { forgetDataset: (id) => void forgotten.push(id) },
      quality,
      variables: () => Promise.resolve({ FOLDER: 'ledgers' }),
      log: (text) => void logged.push(text),
    });
  });

  async function build(...ids: string[]): Promise<BackendBuildEvent[]> {
    const events: BackendBuildEvent[] = [];
    for await (const event of service.buildBackends(ids, {})) events.push(event);
    return events;
  }

  const built = async (id = 'notes') => asBuilt(await buildBackend(service, id));

  async function keep(changes: Partial<BackendConfigJson> = {}, files?: File[]): Promise<void> {
    await service.saveBackend({ ...CONFIG, ...changes });
    const id = changes.id ?? CONFIG.id;
    await service.keepFolder(id, files ?? [file('a.txt', 'One.\n\nTwo.'), file('b.txt', 'Three.')]);
  }

  async function texts(datasetId: string): Promise<string[]> {
    const dataset = await data.database.get('datasets', datasetId);
    if (dataset === undefined) throw new Error(datasetId);
    return textsOf(dataset, data);
  }

  it('build: files in the order of their paths become a dataset, with a report of every stage', async () => {
    await keep({}, [file('b.jsonl', '{"text":"three"}'), file('a.jsonl', '{"text":"one"}\n{"text":"two"}')]);
    const { backend, dataset } = await built();
    expect(await texts(dataset.id)).toEqual(['one', 'two', 'three']);
    expect(dataset).toMatchObject({ backendId: 'notes', samples: 3, name: 'notes' });
    expect(backend).toMatchObject({ datasetId: dataset.id, builtWith: CONFIG });
    expect(backend.report?.stages.map(({ name, count }) => [name, count])).toEqual([
      ['discover', 2],
      ['read', 3],
      ['filter', 3],
      ['store', 3],
    ]);
    expect(backend.report).toMatchObject({ peakBytes: 1000, lengthUnit: 'characters', nextSteps: [] });
    expect(await service.listBackends()).toEqual([backend]);
    expect(logged.join()).toContain('Dataset "notes": 3 usable samples.');
  });

  it('build: again replaces the dataset under the same id, and plans of it are forgotten', async () => {
    await keep();
    const first = await built();
    await service.keepFolder('notes', [file('a.txt', 'Other.')]);
    const second = await built();
    expect(second.dataset.id).toBe(first.dataset.id);
    expect(await texts(second.dataset.id)).toEqual(['Other.']);
    expect(forgotten).toEqual([first.dataset.id, first.dataset.id]);
    expect(await data.blobs.list(first.dataset.folder)).toEqual([]);
  });

  it('build: what was done about the samples is done again about those that are read in their place', async () => {
    const rows = (...texts: string[]): File[] => [
      file('a.jsonl', texts.map((text) => JSON.stringify({ text })).join('\n')),
    ];
    await keep({}, rows('one', 'one', 'two'));
    const first = await built();
    for await (const _event of quality.checkQuality(first.dataset.id, CHECK)) continue;
    await quality.applyFix(first.dataset.id, 'drop-exact');
    await service.keepFolder('notes', rows('two', 'one', 'two', 'two'));
    const events = await build('notes');
    const again = events.at(-1);
    if (again?.type !== 'built') throw new Error(JSON.stringify(again));
    expect(again.dataset.steps).toMatchObject([{ fix: 'drop-exact', samples: 2 }]);
    expect(again.backend.report?.stages.at(-1)).toMatchObject({ name: 'check', count: 2 });
    expect(events.some((event) => event.type === 'progress' && event.progress.stage === 'check')).toBe(true);
    const reader = await SampleReader.open(again.dataset, data.blobs);
    expect([...reader.leftOut]).toEqual([2, 3]);
    expect(await data.database.get('backends', 'notes')).toEqual(again.backend);
  });

  it('build: where it cannot be done again the report says so, and the samples are there', async () => {
    await keep({}, [file('a.jsonl', '{"text":"one"}\n{"text":"one"}')]);
    const first = await built();
    for await (const _event of quality.checkQuality(first.dataset.id, CHECK)) continue;
    await quality.applyFix(first.dataset.id, 'drop-exact');
    noEncoder = new AppError('model.unknown', 'There is no model m.');
    const again = await built();
    expect(again.dataset).toMatchObject({ samples: 2 });
    expect(again.dataset.steps).toBeUndefined();
    expect(again.backend.report?.problems).toMatchObject([
      {
        code: 'model.unknown',
        message: expect.stringContaining('not done again: There is no model m.') as string,
      },
    ]);
  });

  it('build: where nothing is usable what was built stays, and the report says what to do', async () => {
    await keep();
    const first = await built();
    await service.saveBackend({ ...CONFIG, minimum_token_length: 500 });
    const event = (await build('notes')).at(-1);
    expect(event?.type).toBe('refused');
    if (event?.type !== 'refused') return;
    expect(event.report.filtering).toMatchObject({ too_small: 3, total_processed: 3 });
    expect(event.report).toMatchObject({ lengthUnit: 'tokens' });
    expect(event.report.nextSteps.join(' ')).toContain('shorter than the minimum length');
    expect(event.report.problems[0]?.message).toMatch(
      /^Dataset "notes" produced no usable samples\. Stages: discover 2, read 3, .*Left out: too_small 3\.$/,
    );
    expect((await texts(first.dataset.id)).length).toBe(3);
  });

  it('build: a backend that fails does not keep the others from being built', async () => {
    await keep();
    await service.saveBackend({ ...CONFIG, id: 'nowhere' });
    const events = await build('nowhere', 'notes');
    expect(events.find(({ type }) => type === 'failed')).toMatchObject({
      backendId: 'nowhere',
      code: 'backend.missing',
    });
    expect(events.some(({ type }) => type === 'built')).toBe(true);
  });

  it('build: cancelling stores nothing', async () => {
    await keep();
    const stop = new AbortController();
    const reading = async (): Promise<void> => {
      for await (const _event of service.buildBackends(['notes'], {}, stop.signal)) stop.abort();
    };
    await expect(reading()).rejects.toMatchObject({ code: 'rpc.cancelled' });
    expect(await data.database.getAll('datasets')).toEqual([]);
    expect(await data.blobs.list('datasets')).toEqual([]);
  });

  it('build: max_num_samples takes some, always the same', async () => {
    const rows = Array.from({ length: 20 }, (_, i) => `{"text":"row ${i}"}`).join('\n');
    await keep({ max_num_samples: 4 }, [file('rows.jsonl', rows)]);
    const { dataset } = await built();
    const chosen = await texts(dataset.id);
    expect(chosen).toHaveLength(4);
    expect(dataset.skipped).toMatchObject({ over_max_num_samples: 16 });
    await built();
    expect(await texts(dataset.id)).toEqual(chosen);
  });

  it('build: an instance prompt is asked, and the text answers', async () => {
    await keep({ caption_strategy: 'instanceprompt', instance_prompt: 'Write a note.' });
    const { dataset } = await built();
    expect(await texts(dataset.id)).toContain('Write a note.|Three.');
  });

  it('build: texts beside files are the samples, one a line, and a missing one is counted', async () => {
    const files = [file('x.png', ''), file('x.txt', 'red\nblue'), file('y.png', '')];
    await keep({ caption_strategy: 'textfile' }, files);
    const { backend, dataset } = await built();
    expect(await texts(dataset.id)).toEqual(['red', 'blue']);
    expect(backend.report?.filtering).toMatchObject({ not_found: 1 });
  });

  it('build: rows that are broken, lack their fields or stand in no table are counted by reason', async () => {
    const rows = '{"text":"one"}\n{"text":\n{"words":"two"}\n';
    await keep({ mapping: { text: 'text' }, format: 'text' }, [file('rows.jsonl', rows)]);
    expect((await built()).backend.report?.filtering).toMatchObject({
      ...{ total_processed: 3, other: 1, metadata_missing: 1 },
    });
    const table = '{"name":"a.png","caption":"An anvil."}\n';
    await keep(
      {
        ...{ metadata_backend: 'parquet', caption_strategy: 'parquet' },
        parquet: {
          ...{ path: 'table.jsonl', filename_column: 'name', caption_column: 'caption' },
          identifier_includes_extension: true,
        },
      },
      [file('a.png', ''), file('b.png', ''), file('table.jsonl', table)],
    );
    const { backend, dataset } = await built();
    expect(await texts(dataset.id)).toEqual(['An anvil.']);
    expect(backend.report?.filtering).toMatchObject({ total_processed: 2, metadata_missing: 1 });
  });

  it('build: tar shards give a row for each key, those that give none are told', async () => {
    const member = (name: string, content: string) => {
      const body = new TextEncoder().encode(content);
      return { header: { name, size: body.length }, body };
    };
    const shard = await packTar([
      ...[member('1.txt', 'One.'), member('1.cls', '3'), member('2.jpg', 'no text')],
      ...[member('3.json', '{"text":"Three."}')],
    ]);
    await keep({}, [Object.assign(new File([shard], 'a.tar'), { webkitRelativePath: 'notes/a.tar' })]);
    const { backend, dataset } = await built();
    expect(dataset).toMatchObject({ fileType: 'tar', format: 'text' });
    expect(await texts(dataset.id)).toEqual(['One.', 'Three.']);
    expect(backend.report?.filtering).toMatchObject({ total_processed: 3, other: 1 });
  });

  it('build: captions pass the filters of the default cache, or of the one that is named', async () => {
    const store = (id: string, filter: string, isDefault: boolean) =>
      service.saveBackend({
        ...{ id, dataset_type: 'text_embeds', type: 'local', default: isDefault },
        caption_filter_list: [filter],
      });
    await store('usual', 'red ', true);
    await store('other', 'hot ', false);
    await keep({ caption_strategy: 'filename' }, [file('a_red_hot_iron.png', '')]);
    expect(await texts((await built()).dataset.id)).toEqual(['a hot iron']);
    await keep({ caption_strategy: 'filename', text_embeds: 'other' }, [file('a_red_hot_iron.png', '')]);
    expect(await texts((await built()).dataset.id)).toEqual(['a red iron']);
  });

  it('build: texts to be searched become a dataset that no run draws from, with its encoder', async () => {
    await keep({ dataset_type: 'embeddings', encoder: 'MiniLM' });
    const { dataset } = await built();
    expect(await texts(dataset.id)).toEqual(['One.', 'Two.', 'Three.']);
    expect(dataset.training).toMatchObject({
      ...{ searched: true, encoder: 'MiniLM', evaluated: false },
      share: { probability: 0 },
      cache: { writeBatchSize: 128, encodedAtOnce: 1 },
    });
  });

  it.each([
    [file('a.txt', 'a red bird\n\na blue bird\n'), ['a red bird', 'a blue bird']],
    [file('b.jsonl', '{"caption":"a fish","id":7}\n{"text":"a cat"}'), ['a fish', 'a cat']],
  ])(
    'build: captions without pictures, one a line of a text or one a row of a table',
    async (named, found) => {
      await keep({ dataset_type: 'caption', write_batch_size: 7 }, [named, file('c.png', 'no caption')]);
      const { dataset } = await built();
      expect(await texts(dataset.id)).toEqual(found);
      expect(dataset.training).toMatchObject({ share: { probability: 1 }, cache: { writeBatchSize: 7 } });
    },
  );

  it('check: an encoder that is not installed is named, with the one that was meant', async () => {
    const of = async (encoder: string) =>
      (
        await service.checkBackends(
          JSON.stringify([CONFIG, { ...CONFIG, id: 'e', dataset_type: 'embeddings', encoder }]),
        )
      ).problems;
    expect(await of('MiniLM')).toEqual([]);
    expect(await of('m-1')).toEqual([]);
    expect(await of('MinLM')).toMatchObject([
      {
        path: '[1].encoder',
        message: 'encoder names a model that is not installed: "MinLM".',
        remedy: expect.stringContaining('Did you mean "MiniLM"?') as string,
      },
    ]);
  });

  it('test: the first rows are shown before anything is built', async () => {
    await keep();
    expect(await service.testBackend(CONFIG, {})).toMatchObject({
      files: 2,
      more: false,
      columns: ['text'],
      rows: [{ text: 'One.' }, { text: 'Two.' }],
    });
    expect(await data.database.getAll('datasets')).toEqual([]);
  });

  it('rescan: files that came, went and changed are named', async () => {
    await keep();
    expect(await service.rescanBackend('notes', {})).toBeNull();
    await built();
    expect(await service.rescanBackend('notes', {})).toMatchObject({ total: 0 });
    await service.keepFolder('notes', [file('a.txt', 'One.', 9), file('c.txt', 'New.')]);
    expect(await service.rescanBackend('notes', {})).toEqual({
      added: ['c.txt'],
      removed: ['b.txt'],
      changed: ['a.txt'],
      total: 3,
    });
  });

  it('build: where the list of files is kept, new files are not seen', async () => {
    await keep({ preserve_data_backend_cache: true }, [file('a.txt', 'One.')]);
    await built();
    await service.keepFolder('notes', [file('a.txt', 'Changed.'), file('b.txt', 'New.')]);
    expect(await texts((await built()).dataset.id)).toEqual(['Changed.']);
    await keep({}, [file('a.txt', 'Changed.'), file('b.txt', 'New.')]);
    expect(await texts((await built()).dataset.id)).toEqual(['Changed.', 'New.']);
  });

  it('save: what decides on training reaches the dataset without building again', async () => {
    await keep({ probability: 2, truncation_mode: 'end' });
    const { dataset } = await built();
    expect(dataset.training).toMatchObject({
      share: { datasetId: dataset.id, probability: 2 },
      keptPart: 'end',
    });
    await service.saveBackend({ ...CONFIG, repeats: 3, text_cache_disable: true });
    expect((await data.database.get('datasets', dataset.id))?.training).toMatchObject({
      share: { probability: 1, repeats: 3 },
      keptPart: 'beginning',
      cache: { readOnly: true, compress: false },
    });
  });

  it('drift: what differs from what was built is shown, and building again settles it', async () => {
    await keep();
    await built();
    await service.saveBackend({ ...CONFIG, maximum_token_length: 100, repeats: 3 });
    expect(await service.backendDrift('notes')).toEqual([
      { key: 'maximum_token_length', built: null, now: 100 },
    ]);
    await built();
    expect(await service.backendDrift('notes')).toEqual([]);
  });

  it('check: secrets are taken out of what is pasted, and variables are filled in', async () => {
    const text = JSON.stringify({ ...CONFIG, instance_data_dir: '{env:FOLDER}' });
    const { backends, problems } = await service.checkBackends(text);
    expect(problems).toEqual([]);
    expect(backends[0]).toMatchObject({ instance_data_dir: 'ledgers' });
    const bucket = `{"id":"b","dataset_type":"text","type":"aws","aws_bucket_name":"b","aws_endpoint_url":"https://s3.test","aws_secret_access_key":"hush"}`;
    const outcome = await service.checkBackends(bucket);
    expect(JSON.stringify(outcome.backends)).not.toContain('hush');
    expect(outcome.secrets).toEqual({ b: { aws_secret_access_key: 'hush' } });
  });

  it('save: a configuration that cannot work is refused with every problem', async () => {
    await expect(service.saveBackend({ ...CONFIG, repeats: -1, probability: 'often' })).rejects.toMatchObject(
      {
        code: 'config.invalid',
        details: {
          problems: [{ path: expect.any(String) as string }, { path: expect.any(String) as string }],
        },
      },
    );
    expect(await service.listBackends()).toEqual([]);
  });

  it('remove: the dataset stays unless it is removed as well', async () => {
    await keep();
    const { dataset } = await built();
    await service.removeBackend('notes', false);
    expect(await data.database.get('datasets', dataset.id)).toBeDefined();
    await keep();
    const again = await built();
    await service.removeBackend('notes', true);
    expect(await data.database.get('datasets', again.dataset.id)).toBeUndefined();
    await expect(service.removeBackend('notes', true)).rejects.toMatchObject({ code: 'backend.unknown' });
  });

  it('plugins: a place of their own is checked, opened and built like the others', async () => {
    const notebook = new MemoryBackend({ id: 'n', now: () => 0 });
    await notebook.write('page.txt', new TextEncoder().encode('From a notebook.'));
    factory.register('notebook', () => ({ settings: { notebook: 'Its name.' }, open: () => notebook }));
    const config = { id: 'notes', dataset_type: 'text', type: 'notebook', notebook: 'blue' };
    await service.saveBackend(config);
    expect(await texts((await built()).dataset.id)).toEqual(['From a notebook.']);
    await expect(service.saveBackend({ ...config, notebok: 'blue' })).rejects.toMatchObject({
      code: 'config.invalid',
    });
  });

  it('plugins: one that opens no backend fails by itself', async () => {
    factory.register('nothing', () => ({ open: () => ({}) }));
    await service.saveBackend({ id: 'notes', dataset_type: 'text', type: 'nothing' });
    expect(await build('notes')).toMatchObject([{ type: 'failed', code: 'factory.invalid' }]);
  });
});
