import { beforeEach, describe, expect, it } from 'vitest';
import { byteTokenizerSource, CHATML } from '../lib/text/testing/byte-tokenizer';
import type { BatchPlan } from '../protocol/batches';
import type { ModelRecord } from '../protocol/models';
import { importOptions, memoryData } from '../data/testing/memory-data';
import { tokenCache } from '../data/caches/page-caches';
import { createSamplingFactories } from '../data/runtime/sampling-factories';
import { BatchPlans } from './batch-plans';
import { DataService, findDataset } from './data-service';
import { TextTools } from './text-tools';

const MODEL = {
  id: 'm',
  name: 'M',
  fingerprint: 'f',
  location: { kind: 'blob', folder: 'm' },
} as ModelRecord;
const INDEX = [{ id: 'verse', name: 'Verse', fileName: 'verse.txt', samples: 2, format: 'text' }];
const FILES: Record<string, string> = { 'index.json': JSON.stringify(INDEX), 'verse.txt': 'one\n\ntwo' };
const PAIRS = '{"prompt":"hello","completion":"é world"}\n{"prompt":"a","completion":"b"}';

async function makeService() {
  const { database, blobs } = await memoryData();
  const files = byteTokenizerSource({ chat_template: CHATML });
  await blobs.write('m/tokenizer.json', new Blob([files.tokenizerJson]));
  await blobs.write('m/tokenizer_config.json', new Blob([files.tokenizerConfigJson]));
  const beat = (): void => undefined;
  const tools = new TextTools(() => Promise.resolve(MODEL), blobs);
  const tokens = tokenCache(database);
  const plans = new BatchPlans({
    findDataset: (id) => findDataset(database, id),
    blobs,
    tools,
    sampling: createSamplingFactories(),
    followPlugins: () => Promise.resolve(),
    tokensOf: () => Promise.resolve({ cache: tokens }),
    beat,
  });
  const readSampleFile = (name: string): Promise<Response> =>
    Promise.resolve(new Response(FILES[name] ?? null, { status: name in FILES ? 200 : 404 }));
  const service = new DataService({
    database,
    blobs,
    tools,
    plans,
    caches: tokens,
    readSampleFile,
    locks: null,
    beat,
  });
  return { service, plans, blobs, tokens };
}

describe('data-service', () => {
  let made: Awaited<ReturnType<typeof makeService>>;
  beforeEach(async () => {
    made = await makeService();
  });

  async function addPairs(): Promise<BatchPlan> {
    const run = made.service.importDataset([{ name: 'p.jsonl', blob: new Blob([PAIRS]) }], importOptions());
    for await (const event of run) {
      if (event.type !== 'outcome' || event.outcome.status !== 'stored') continue;
      const datasetId = event.outcome.dataset.id;
      const shape = { sequenceLength: 64, batchSize: 2, packing: false, evalShare: 0, seed: 1 };
      return { datasetId, modelId: 'm', trainOn: 'assistant', ...shape };
    }
    throw new Error('nothing was stored');
  }

  it('adds a sample of the site once, also when asked twice at a time', async () => {
    const { service } = made;
    const [first, second] = await Promise.all([
      service.addSampleDataset('verse'),
      service.addSampleDataset('verse'),
    ]);
    expect(first).toMatchObject({
      id: 'sample-verse',
      name: 'Verse',
      origin: 'sample',
      sampleId: 'verse',
      samples: 2,
      format: 'text',
    });
    expect(second).toEqual(first);
    expect(await service.addSampleDataset('verse')).toEqual(first);
    expect(await service.listDatasets()).toHaveLength(1);
    await expect(service.addSampleDataset('none')).rejects.toThrow(/there are: verse/);
  });

  it('shows samples by number', async () => {
    const { id } = await made.service.addSampleDataset('verse');
    expect(await made.service.preview(id, 1, 10)).toEqual([
      { sample: { kind: 'text', text: 'two' }, leftOut: false },
    ]);
    expect(await made.service.preview(id, 5, 10)).toEqual([]);
  });

  it('renders a sample with its mask; the pieces join to what the model reads', async () => {
    const plan = await addPairs();
    const { tokens, truncated } = await made.service.renderSample(plan, 0);
    expect(tokens.map(({ text }) => text).join('')).toBe(
      '<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\né world<|im_end|>\n',
    );
    const trained = tokens.filter((token) => token.trained);
    expect(trained.map(({ text }) => text).join('')).toBe('é world<|im_end|>');
    expect(truncated).toBe(false);
    const cut = await made.service.renderSample({ ...plan, sequenceLength: 8 }, 0);
    expect(cut).toMatchObject({ truncated: true });
    expect(cut.tokens).toHaveLength(9);
    await expect(made.service.renderSample(plan, 2)).rejects.toThrow(/no sample 2; the dataset has 2/);
  });

  it('opens plans for the engine and closes them', async () => {
    const plan = await addPairs();
    const { planId, summary } = await made.plans.openPlan(plan);
    expect(summary).toEqual(await made.service.summarize(plan));
    expect(await made.plans.trainBatch(planId, 0)).toMatchObject({
      rows: 2,
      targetTokens: summary.trainTargetTokens,
    });
    await made.plans.closePlan(planId);
    await expect(made.plans.trainBatch(planId, 0)).rejects.toThrow(/no open plan/);
  });

  it('a plan that names its samples is refused once others take part, and opens again when they are back', async () => {
    const plan = await addPairs();
    const { samples } = await made.plans.openPlan(plan);
    expect((await made.plans.openPlan({ ...plan, samples })).samples).toBe(samples);
    await made.service.reinterpret(plan.datasetId, 'text', { text: 'completion' });
    await expect(made.plans.openPlan({ ...plan, samples })).rejects.toMatchObject({
      code: 'training.invalid',
      message: expect.stringMatching(/is not what the run began with/) as string,
    });
    expect((await made.plans.openPlan(plan)).samples).not.toBe(samples);
    await made.service.reinterpret(plan.datasetId, 'completion', {
      prompt: 'prompt',
      completion: 'completion',
    });
    expect((await made.plans.openPlan({ ...plan, samples })).samples).toBe(samples);
  });

  it('reads batches under the format that was chosen last', async () => {
    const plan = await addPairs();
    const before = await made.service.summarize(plan);
    await made.service.reinterpret(plan.datasetId, 'text', { text: 'completion' });
    const after = await made.service.summarize(plan);
    expect(after.trainTargetTokens).not.toBe(before.trainTargetTokens);
  });

  it('measures lengths', async () => {
    const plan = await addPairs();
    const histogram = await made.service.lengthHistogram(plan.datasetId, 'm');
    expect(histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(histogram.bounds.at(-1)).toBe(histogram.maxTokens);
  });

  it('renames and deletes, files included', async () => {
    const { datasetId } = await addPairs();
    expect(await made.service.renameDataset(datasetId, ' New ')).toMatchObject({ name: 'New' });
    await expect(made.service.renameDataset(datasetId, ' ')).rejects.toMatchObject({
      code: 'config.invalid',
    });
    await made.service.deleteDataset(datasetId);
    expect(await made.service.listDatasets()).toEqual([]);
    expect(await made.blobs.list('datasets')).toEqual([]);
    await expect(made.service.preview(datasetId, 0, 1)).rejects.toMatchObject({ code: 'dataset.unknown' });
  });

  it('keeps tokens for the next session, tells how much, and lets them go with the dataset', async () => {
    const plan = await addPairs();
    await made.service.summarize(plan);
    const { datasets } = await made.tokens.sizes();
    expect(datasets).toMatchObject([{ datasetId: plan.datasetId, values: 1 }]);
    await made.service.deleteDataset(plan.datasetId);
    expect((await made.tokens.sizes()).datasets).toEqual([]);
  });

  it('says when there is no such dataset', async () => {
    await expect(made.service.deleteDataset('gone')).rejects.toThrow(/no dataset with the id "gone"/);
  });
});
