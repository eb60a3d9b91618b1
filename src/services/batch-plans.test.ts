import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { mixOf, wholeShare } from '../core/config/dataset-mix';
import type { TextDatasetConfig } from '../data/builders/buildable-config';
import { datasetTraining } from '../data/builders/dataset-training';
import { tokenCache } from '../data/caches/page-caches';
import { createSamplingFactories } from '../data/runtime/sampling-factories';
import { chunkPath, indexPath } from '../data/storage/dataset-files';
import { RowWriter } from '../data/storage/row-writer';
import { importFiles, type MemoryData, memoryData, textFile } from '../data/testing/memory-data';
import { byteTokenizerSource, CHATML } from '../lib/text/testing/byte-tokenizer';
import type { BatchPlan, TokenBatch } from '../protocol/batches';
import type { DatasetRecord } from '../protocol/datasets';
import type { DatasetMix, DatasetShare } from '../protocol/mix';
import type { ModelRecord } from '../protocol/models';
import { PlanBatches } from '../training/plan-batches';
import { BatchPlans } from './batch-plans';
import { findDataset } from './data-service';
import { TextTools } from './text-tools';

const MODEL = {
  id: 'm',
  name: 'M',
  fingerprint: 'f',
  location: { kind: 'blob', folder: 'm' },
} as ModelRecord;

function plansOver({ database, blobs }: MemoryData, cacheBytes?: number): BatchPlans {
  return new BatchPlans({
    findDataset: (id) => findDataset(database, id),
    blobs,
    tools: new TextTools(() => Promise.resolve(MODEL), blobs),
    sampling: createSamplingFactories(),
    followPlugins: () => Promise.resolve(),
    tokensOf: ({ training }) => Promise.resolve({ cache: tokenCache(database), ...training?.cache }),
    beat: () => undefined,
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
  });
}

/** Texts that begin with the dataset's letter, so that a batch tells where it is from. */
async function addDataset(data: MemoryData, letter: string, rows: number): Promise<DatasetRecord> {
  const text = Array.from({ length: rows }, (_, i) => letter + 'x'.repeat(1 + (i % 7))).join('\n\n');
  const outcome = await importFiles(data, [textFile(`${letter}.txt`, text)], { name: letter });
  if (outcome.status !== 'stored') throw new Error('nothing was stored');
  return outcome.dataset;
}

const letterOf = (batch: TokenBatch): string => String.fromCharCode(batch.tokens[0] ?? 0);

describe('batch-plans with a mix', () => {
  let data: MemoryData;
  let records: DatasetRecord[];

  beforeEach(async () => {
    data = await memoryData();
    const files = byteTokenizerSource({ chat_template: CHATML });
    await data.blobs.write('m/tokenizer.json', new Blob([files.tokenizerJson]));
    await data.blobs.write('m/tokenizer_config.json', new Blob([files.tokenizerConfigJson]));
    records = [
      await addDataset(data, 'A', 30),
      await addDataset(data, 'B', 13),
      await addDataset(data, 'C', 8),
    ];
  });

  const share = (index: number, changes: Partial<DatasetShare> = {}): DatasetShare => ({
    ...wholeShare(records[index]?.id ?? ''),
    ...changes,
  });

  function planOf(mix: Partial<DatasetMix> = {}, changes: Partial<BatchPlan> = {}): BatchPlan {
    return {
      datasetId: records[0]?.id ?? '',
      modelId: 'm',
      sequenceLength: 32,
      batchSize: 2,
      trainOn: 'all',
      packing: false,
      evalShare: 0,
      seed: 11,
      gradientAccumulation: 2,
      until: { epochs: 2 },
      mix: {
        ...mixOf([]),
        shares: [share(0, { endStep: 14 }), share(1, { repeats: 1 }), share(2, { startEpoch: 2 })],
        ...mix,
      },
      ...changes,
    };
  }

  const open = (plan: BatchPlan, length: number, plans = plansOver(data)): Promise<PlanBatches> =>
    PlanBatches.open(plans, plan, { length, now: () => 0 });

  async function sequence(batches: PlanBatches, from: number, to: number): Promise<TokenBatch[]> {
    const all: TokenBatch[] = [];
    for (let n = from; n < to; n += 1) all.push(await batches.trainBatch(n));
    return all;
  }

  it('1.H.13 the sequence is the same with prefetch on or off, at any queue size', async () => {
    const plan = planOf();
    const expected = await sequence(await open(plan, 0), 0, 60);
    expect(new Set(expected.map(letterOf))).toEqual(new Set(['A', 'B', 'C']));
    for (const length of [1, 2, 4, 33]) {
      expect(await sequence(await open(plan, length), 0, 60), `queue of ${length}`).toEqual(expected);
    }
    expect(await sequence(await open({ ...plan, seed: 12 }, 4), 0, 60)).not.toEqual(expected);
  });

  it('1.H.13 the sequence is the same after a stop and a resume at any point', async () => {
    const plan = planOf({ strategy: 'length-buckets', oversubscribe: true });
    const expected = await sequence(await open(plan, 0), 0, 48);
    for (let stop = 1; stop < 48; stop += 1) {
      const resumed = await open(plan, stop % 5);
      expect(await sequence(resumed, stop, Math.min(48, stop + 3)), `at ${stop}`).toEqual(
        expected.slice(stop, stop + 3),
      );
    }
  });

  it('a dataset for evaluation is evaluated whole and never drawn from', async () => {
    const [, , third] = records;
    const training = datasetTraining({ dataset_type: 'eval' } as TextDatasetConfig, third?.id ?? '');
    if (third !== undefined) await data.database.put('datasets', { ...third, training });
    const plan = planOf({ shares: [share(0), training.share] });
    const batches = await open(plan, 0);
    const summary = await batches.summary();
    expect(summary).toMatchObject({ trainSamples: 30, evalSamples: 8, batchesPerEpoch: 15 });
    expect(new Set((await sequence(batches, 0, 30)).map(letterOf))).toEqual(new Set(['A']));
    const evaluated = await Promise.all(
      Array.from({ length: summary.evalBatches }, (_, n) => batches.evalBatch(n)),
    );
    expect(evaluated.map(letterOf)).toEqual(['C', 'C', 'C', 'C']);
  });

  it('1.H.11 the clock in the checkpoint is all there is to keep: a new worker draws on from it', async () => {
    const plan = planOf();
    const before = await open(plan, 4);
    const expected = await sequence(before, 0, 40);
    await before.close();
    const after = await open({ ...plan, samples: before.samples }, 4, plansOver(data, 0));
    expect(await sequence(after, 23, 40)).toEqual(expected.slice(23));
  });

  it('1.H.8 an epoch has the batches of all datasets, their repeats counted', async () => {
    const plan = planOf({ weighting: 'uniform', shares: [share(0), share(1, { repeats: 2 })] });
    const batches = await open(plan, 4);
    const summary = await batches.summary();
    // 15 of 30 rows; 13 rows three times are 39, in batches of 2: 20.
    expect(summary).toMatchObject({ batchesPerEpoch: 35, epochStarts: [0, 35, 70] });
    expect(summary.shares?.map(({ rows, batches: of, draws }) => [rows, of, draws])).toEqual([
      [30, 15, 30],
      [13, 20, 40],
    ]);
    const letters = (await sequence(batches, 0, 35)).map(letterOf);
    expect(letters.filter((letter) => letter === 'B')).toHaveLength(20);
    expect(batches.metrics.epochsEnded).toBe(0);
    await batches.trainBatch(35);
    expect(batches.metrics.epochsEnded).toBe(1);
  });

  it('evaluates what is held out of every dataset', async () => {
    const batches = await open(planOf({}, { evalShare: 0.2 }), 0);
    const { evalBatches, evalSamples } = await batches.summary();
    expect(evalSamples).toBe(6 + 3 + 2);
    const letters = [];
    for (let n = 0; n < evalBatches; n += 1) letters.push(letterOf(await batches.evalBatch(n)));
    expect(new Set(letters)).toEqual(new Set(['A', 'B', 'C']));
    const prompts = await batches.evalPrompts(3);
    expect(prompts.map((prompt) => prompt.charAt(0))).toEqual(['A', 'B', 'C']);
  });

  it('names the dataset of the mix that is not what the run began with', async () => {
    const { samples } = await open(planOf(), 0);
    const [, second] = records;
    if (second === undefined) throw new Error('no dataset');
    await data.database.put('datasets', { ...second, mapping: { text: 'other' } });
    await expect(open(planOf({}, { samples }), 0)).rejects.toMatchObject({
      code: 'training.invalid',
      details: { datasetId: second.id },
    });
  });

  it('a dataset whose file is lost: opening says so; left, all goes on and nothing before changes', async () => {
    const plan = planOf({ weighting: 'uniform', shares: [share(0), share(1)] });
    const expected = await sequence(await open(plan, 0), 0, 40);
    const lost = expected.findIndex((batch, n) => n > 5 && letterOf(batch) === 'B');
    const plans = plansOver(data, 0);
    const batches = await open(plan, 2, plans);
    const { shares = [] } = await batches.summary();
    await sequence(batches, 0, lost);
    const [, second] = records;
    await data.blobs.remove(chunkPath(second?.folder ?? '', 0));
    const fresh = plansOver(data, 0);
    await expect(open({ ...plan, samples: batches.samples }, 2, fresh)).rejects.toMatchObject({
      code: 'storage.missing',
    });
    const [, { rows = 0, batches: perEpoch = 0 } = {}] = shares;
    const left = [{ datasetId: second?.id ?? '', fromMicroStep: lost, rows, batches: perEpoch }];
    const rest = await open({ ...plan, left, samples: batches.samples }, 2, fresh);
    const letters = (await sequence(rest, lost, 30)).map(letterOf);
    expect(new Set(letters)).toEqual(new Set(['A']));
    const before = expected.findLastIndex((batch, n) => n < lost && letterOf(batch) === 'A');
    expect(await rest.trainBatch(before)).toEqual(expected[before]);
  });

  it('a chunk that is deleted in mid-run: the batch that needs it says which dataset is gone', async () => {
    const [, second] = records;
    if (second === undefined) throw new Error('no dataset');
    // In many small files, so that not all of them are in memory when they go.
    const { folder, format, mapping } = second;
    const writer = new RowWriter(data.blobs, folder, 64);
    for (let i = 0; i < 400; i += 1) await writer.add({ text: `B${'x'.repeat(1 + (i % 7))}` }, true);
    await writer.finish(indexPath(folder, format, mapping));
    const plan = planOf({ weighting: 'uniform', shares: [share(0), share(1)] });
    const batches = await open(plan, 2, plansOver(data, 0));
    await sequence(batches, 0, 10);
    await data.blobs.remove(folder);
    // What a browser says of an open file that is no more.
    const gone = new DOMException('gone', 'NotFoundError');
    const reading = vi.spyOn(Blob.prototype, 'arrayBuffer').mockRejectedValue(gone);
    onTestFinished(() => reading.mockRestore());
    await expect(sequence(batches, 10, 120)).rejects.toMatchObject({
      code: 'storage.missing',
      details: { datasetId: second.id },
    });
  });

  it('measures what was drawn under the names of the metrics', async () => {
    const batches = await open(planOf(), 0);
    expect(await batches.samplingMetrics()).toEqual({});
    await batches.trainBatch(0);
    expect((await batches.samplingMetrics())['padding-share']).toBeGreaterThan(0);
  });
});
