import { beforeEach, describe, expect, it } from 'vitest';
import { reportPath } from '../data/quality/dataset-steps';
import { SampleReader } from '../data/storage/sample-reader';
import { reinterpretDataset } from '../data/importing/reinterpret-dataset';
import { importFiles, memoryData, textFile, type MemoryData } from '../data/testing/memory-data';
import type { DatasetRecord } from '../protocol/datasets';
import type { QualityReport, QualitySettings } from '../protocol/quality';
import type { QualityService } from './quality-service';
import { qualityService } from './testing/quality-fixture';

const SETTINGS: QualitySettings = { modelId: 'm', similarity: 0.85, evalShare: 0.5, seed: 1, maxTokens: 100 };
const ROWS = ['one', 'two', 'one', 'caf\ufffd', 'three', 'one'];
const jsonl = (rows: string[]) =>
  rows.map((completion) => JSON.stringify({ prompt: 'p', completion })).join('\n');

describe('quality of a dataset', () => {
  let data: MemoryData;
  let dataset: DatasetRecord;
  let service: QualityService;
  let forgotten: string[];

  beforeEach(async () => {
    data = await memoryData();
    forgotten = [];
    service = qualityService(data, { forgetDataset: (id) => void forgotten.push(id) });
    const outcome = await importFiles(data, [textFile('rows.jsonl', jsonl(ROWS))]);
    if (outcome.status !== 'stored') throw new Error(JSON.stringify(outcome));
    ({ dataset } = outcome);
  });

  async function check(signal?: AbortSignal): Promise<QualityReport | null> {
    let report: QualityReport | null = null;
    for await (const event of service.checkQuality(dataset.id, SETTINGS, signal)) {
      if (event.type === 'report') ({ report } = event);
    }
    return report;
  }

  it('a report is kept until the dataset is read another way', async () => {
    expect(await service.qualityReport(dataset.id)).toBeNull();
    const report = await check();
    expect(report).toMatchObject({ exact: [{ samples: [0, 2, 5] }], faults: { damaged: [3] } });
    expect(await service.qualityReport(dataset.id)).toEqual(report);
    await reinterpretDataset(dataset, 'text', { text: 'completion' }, data);
    expect(await service.qualityReport(dataset.id)).toBeNull();
  });

  it('a fix is a step: samples are left out, and come back', async () => {
    await check();
    const changed = await service.applyFix(dataset.id, 'drop-exact');
    const id = changed.steps?.[0]?.id ?? '';
    expect(changed.steps).toEqual([{ id, fix: 'drop-exact', samples: 2, appliedAt: 7 }]);
    expect(await data.database.get('datasets', dataset.id)).toEqual(changed);
    expect(forgotten).toEqual([dataset.id]);
    const second = await service.applyFix(dataset.id, 'drop-faulty');
    expect([...(await SampleReader.open(second, data.blobs)).leftOut]).toEqual([2, 5, 3]);
    const undone = await service.undoStep(dataset.id, id);
    expect([...(await SampleReader.open(undone, data.blobs)).leftOut]).toEqual([3]);
    const back = await service.undoStep(dataset.id, undone.steps?.[0]?.id ?? '');
    expect(back).toEqual(dataset);
    expect(await data.blobs.read(`${dataset.folder}/step-${id}.bin`)).toBeNull();
    expect((await service.applyFix(dataset.id, 'drop-exact')).steps?.[0]?.id).toBe(id);
  });

  it('a shortened conversation is read so, and whole again when that is taken back', async () => {
    const messages = ['q', 'a', 'and?', 'long '.repeat(40)].map((content, i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content,
    }));
    const outcome = await importFiles(data, [textFile('talk.jsonl', JSON.stringify({ messages }))]);
    if (outcome.status !== 'stored') throw new Error(JSON.stringify(outcome));
    ({ dataset } = outcome);
    await check();
    const capped = await service.applyFix(dataset.id, 'cap-length');
    expect(capped.steps).toMatchObject([{ fix: 'cap-length', samples: 1 }]);
    const turnsOf = async (record: DatasetRecord): Promise<number> => {
      const sample = await (await SampleReader.open(record, data.blobs)).read(0);
      return sample.kind === 'turns' ? sample.turns.length : 0;
    };
    expect(await turnsOf(capped)).toBe(2);
    expect(await check()).toMatchObject({ shortened: [], overLong: [], nextSteps: [] });
    expect(await turnsOf(await service.undoStep(dataset.id, capped.steps?.[0]?.id ?? ''))).toBe(4);
  });

  it('a check after a step looks at what is left', async () => {
    await check();
    await service.applyFix(dataset.id, 'drop-exact');
    expect(await check()).toMatchObject({ samples: 4, exact: [] });
  });

  it('a fix that no check proposes, or that was applied, is refused by name', async () => {
    const refused = (reason: RegExp) => ({
      code: 'config.invalid',
      message: expect.stringMatching(reason) as string,
    });
    await expect(service.applyFix(dataset.id, 'drop-exact')).rejects.toMatchObject(
      refused(/does not propose drop-exact/),
    );
    await check();
    await expect(service.applyFix(dataset.id, 'drop-over-long')).rejects.toMatchObject(
      refused(/drop-over-long/),
    );
    await service.applyFix(dataset.id, 'drop-exact');
    await expect(service.applyFix(dataset.id, 'drop-exact')).rejects.toMatchObject(refused(/drop-exact/));
  });

  it('stopped, it keeps nothing; a value out of range is named', async () => {
    expect(await check(AbortSignal.abort())).toBeNull();
    expect(await data.blobs.read(reportPath(dataset.folder))).toBeNull();
    for (const change of [{ similarity: 0 }, { evalShare: 1 }, { maxTokens: 1.5 }]) {
      const [path = ''] = Object.keys(change);
      const run = service.checkQuality(dataset.id, { ...SETTINGS, ...change });
      await expect(run.next()).rejects.toMatchObject({ code: 'config.invalid', details: { path } });
    }
    expect(service.checking).toBe(false);
  });

  it('a step whose file is gone: the dataset says so instead of training on what was left out', async () => {
    await check();
    const changed = await service.applyFix(dataset.id, 'drop-exact');
    await data.blobs.remove(`${dataset.folder}/step-${changed.steps?.[0]?.id ?? ''}.bin`);
    await expect(SampleReader.open(changed, data.blobs)).rejects.toMatchObject({ code: 'storage.missing' });
  });
});
