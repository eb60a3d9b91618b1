import { describe, expect, it } from 'vitest';
import type { DatasetRecord, ImportOutcome } from '../../protocol/datasets';
import { SampleReader } from '../storage/sample-reader';
import { importFiles, importOptions, memoryData, textFile } from '../testing/memory-data';
import { importDataset } from './import-dataset';
import { removeLeftovers } from './import-lock';
import { reinterpretDataset } from './reinterpret-dataset';

const ROWS = ['{"prompt":"a","completion":"b"}', '{"prompt":"c"}', 'oops', '{"prompt":"d","completion":"e"}'];

function stored(outcome: ImportOutcome): DatasetRecord {
  if (outcome.status !== 'stored') throw new Error(JSON.stringify(outcome.problems));
  return outcome.dataset;
}

async function nothingStored({ database, blobs }: Awaited<ReturnType<typeof memoryData>>): Promise<void> {
  expect(await database.getAll('datasets')).toEqual([]);
  expect(await blobs.list('')).toEqual([]);
}

describe('import-dataset', () => {
  it('stores samples of several files, readable by number', async () => {
    const data = await memoryData();
    const files = [textFile('a.jsonl', ROWS[0] ?? ''), textFile('b.jsonl', ROWS[3] ?? '')];
    const record = stored(await importFiles(data, files, { name: ' Pairs ' }));
    expect(record).toMatchObject({
      name: 'Pairs',
      fileNames: ['a.jsonl', 'b.jsonl'],
      fileType: 'jsonl',
      format: 'completion',
      detected: true,
      samples: 2,
      columns: ['prompt', 'completion'],
    });
    const reader = await SampleReader.open(record, data.blobs);
    expect(await reader.read(1)).toMatchObject({ turns: [{ content: 'd' }, { content: 'e' }] });
    const sizes = (await data.blobs.list(record.folder)).map(({ sizeBytes }) => sizeBytes);
    expect(record.sizeBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  });

  it('stops at bad lines by choice: all counted, the first named, nothing stored', async () => {
    const data = await memoryData();
    const outcome = await importFiles(data, [textFile('x.jsonl', ROWS.join('\n'))]);
    expect(outcome).toMatchObject({ status: 'refused', badLines: 2 });
    // Rows without fields are judged once the format is settled, so after lines that are no JSON.
    expect(outcome.problems.map(({ code, line, file }) => [code, line, file])).toEqual([
      ['dataset.bad-line', 3, 'x.jsonl'],
      ['dataset.missing-fields', 2, 'x.jsonl'],
    ]);
    expect(outcome.problems[0]?.excerpt).toBe('oops');
    await nothingStored(data);
  });

  it('skips bad lines by choice and counts them by reason', async () => {
    const data = await memoryData();
    const outcome = await importFiles(data, [textFile('x.jsonl', ROWS.join('\n'))], { onBadLine: 'skip' });
    expect(stored(outcome)).toMatchObject({
      samples: 2,
      skipped: { 'dataset.bad-line': 1, 'dataset.missing-fields': 1 },
    });
  });

  it.each([
    ['an empty file', '', 'dataset.empty', /empty \(0 bytes\)/],
    ['a file of blank lines', ' \n\n ', 'dataset.empty', /hold no text/],
    ['a binary file', 'PK\x03\x04\0\0', 'dataset.binary', /zip archive/],
  ])('refuses %s and stores nothing', async (_, content, code, message) => {
    const data = await memoryData();
    const outcome = await importFiles(data, [textFile('x.txt', content)]);
    expect(outcome).toMatchObject({ status: 'refused', problems: [{ code, file: 'x.txt' }] });
    expect(outcome.problems[0]?.message).toMatch(message);
    await nothingStored(data);
  });

  it('refuses a wrongly encoded file with its line', async () => {
    const data = await memoryData();
    const blob = new Blob([Uint8Array.from([0x61, 0x0a, 0xe9, 0x20])]);
    const outcome = await importFiles(data, [{ name: 'latin1.txt', blob }]);
    expect(outcome.problems[0]).toMatchObject({ code: 'dataset.encoding', line: 2 });
    await nothingStored(data);
  });

  it('refuses files without a usable line even when told to skip', async () => {
    const outcome = await importFiles(await memoryData(), [textFile('x.jsonl', 'a\nb')], {
      onBadLine: 'skip',
    });
    expect(outcome.problems[0]).toMatchObject({ code: 'dataset.empty' });
    expect(outcome.problems[0]?.message).toMatch(/none of its 2 lines/);
  });

  it('names the columns where no format fits, and takes the mapping that is then given', async () => {
    const data = await memoryData();
    const file = textFile('x.csv', 'x,y,z\n1,two,three\n');
    const outcome = await importFiles(data, [file]);
    expect(outcome.problems[0]).toMatchObject({ code: 'dataset.missing-fields', excerpt: 'x, y, z' });
    const mapping = { prompt: 'y', completion: 'z' };
    const record = stored(await importFiles(data, [file], { format: 'completion', mapping }));
    expect(record).toMatchObject({ detected: false, mapping, samples: 1 });
    const wrong = await importFiles(data, [file], { format: 'text', mapping: { text: 'w' } });
    expect(wrong.problems[0]?.message).toMatch(/no column "w"/);
  });

  it('leaves nothing behind when the reader walks away, or cancels', async () => {
    const data = await memoryData();
    const request = {
      files: [textFile('x.txt', 'one\n\ntwo')],
      options: importOptions(),
      sampleId: null,
    };
    for await (const event of importDataset(request, data)) {
      expect(event.type).toBe('progress');
      break;
    }
    await nothingStored(data);
    const abort = new AbortController();
    const cancelled = importDataset(request, data, abort.signal);
    await cancelled.next();
    abort.abort();
    const drain = async (): Promise<void> => {
      while (!(await cancelled.next()).done);
    };
    await expect(drain()).rejects.toMatchObject({ code: 'rpc.cancelled' });
    await nothingStored(data);
  });

  it('loses nothing when the disk is full', async () => {
    const data = await memoryData();
    const before = stored(await importFiles(data, [textFile('a.txt', 'kept')]));
    const blobs = Object.create(data.blobs) as typeof data.blobs;
    blobs.read = (path) => data.blobs.read(path);
    blobs.remove = (path) => data.blobs.remove(path);
    blobs.write = () => Promise.reject(Object.assign(new Error('full'), { code: 'storage.quota' }));
    await expect(importFiles({ ...data, blobs }, [textFile('b.txt', 'new')])).rejects.toThrow('full');
    expect(await data.database.getAllKeys('datasets')).toEqual([before.id]);
    expect(await (await SampleReader.open(before, data.blobs)).read(0)).toEqual({
      kind: 'text',
      text: 'kept',
    });
  });
});

describe('reinterpret-dataset', () => {
  it('reads the same rows under another mapping', async () => {
    const data = await memoryData();
    const rows = '{"prompt":"a","completion":"b","note":"n1"}\n{"prompt":"c","completion":"d","note":""}';
    const record = stored(await importFiles(data, [textFile('x.jsonl', rows)]));
    const outcome = await reinterpretDataset(record, 'text', { text: 'note' }, data);
    const changed = stored(outcome);
    expect(changed).toMatchObject({
      format: 'text',
      detected: false,
      samples: 1,
      skipped: { 'dataset.missing-fields': 1 },
    });
    expect(await (await SampleReader.open(changed, data.blobs)).read(0)).toEqual({
      kind: 'text',
      text: 'n1',
    });
    const back = stored(await reinterpretDataset(changed, 'completion', record.mapping, data));
    expect(back.samples).toBe(2);
    expect((await data.blobs.list(record.folder)).filter(({ path }) => path.includes('index'))).toHaveLength(
      1,
    );
  });

  it('changes nothing where the columns do not fit', async () => {
    const data = await memoryData();
    const record = stored(await importFiles(data, [textFile('x.txt', 'one')]));
    const outcome = await reinterpretDataset(record, 'alpaca', { instruction: 'text' }, data);
    expect(outcome).toMatchObject({ status: 'refused', problems: [{ code: 'dataset.missing-fields' }] });
    expect(await data.database.get('datasets', record.id)).toEqual(record);
  });
});

describe('import-lock', () => {
  it('removes folders without a record and keeps the others', async () => {
    const data = await memoryData();
    const record = stored(await importFiles(data, [textFile('x.txt', 'one')]));
    await data.blobs.write('datasets/dead/rows-00000.jsonl', new Uint8Array([1]));
    const locks = {
      request: (_name: string, _options: unknown, run: (lock: object) => unknown) => Promise.resolve(run({})),
    } as unknown as LockManager;
    expect(await removeLeftovers(data.database, data.blobs, locks)).toEqual(['datasets/dead']);
    expect((await data.blobs.list(record.folder)).length).toBeGreaterThan(0);
    expect(await removeLeftovers(data.database, data.blobs, null)).toEqual([]);
  });
});
