import { describe, expect, it, vi } from 'vitest';
import type { DatasetRecord } from '../../protocol/datasets';
import { memoryData } from '../testing/memory-data';
import { chunkPath, indexPath } from './dataset-files';
import { RowWriter } from './row-writer';
import { SampleReader } from './sample-reader';

const CHUNK_BYTES = 1 << 12;
const RECORD = {
  id: 'd',
  name: 'D',
  folder: 'd',
  format: 'text',
  mapping: { text: 'text' },
} as DatasetRecord;

/** 2000 rows in about 30 chunks. */
async function storedRows() {
  const { blobs } = await memoryData();
  const writer = new RowWriter(blobs, 'd', CHUNK_BYTES);
  for (let i = 0; i < 2000; i += 1) await writer.add({ text: `row number ${i} of many` }, true);
  await writer.finish(indexPath('d', 'text', RECORD.mapping));
  const reader = await SampleReader.open(RECORD, blobs);
  return { blobs, reader, arrayBuffer: vi.spyOn(Blob.prototype, 'arrayBuffer') };
}

describe('sample-reader', () => {
  it('reads what is asked for here and there by its own bytes', async () => {
    const { reader, arrayBuffer } = await storedRows();
    expect(await reader.read(1777)).toEqual({ kind: 'text', text: 'row number 1777 of many' });
    expect(await reader.read(900)).toEqual({ kind: 'text', text: 'row number 900 of many' });
    const sizes = arrayBuffer.mock.contexts.map((blob) => (blob as Blob).size);
    expect(sizes).toEqual([reader.bytesOf(1777), reader.bytesOf(900)]);
  });

  it('reads what is asked for in order by the chunk', async () => {
    const { reader, arrayBuffer } = await storedRows();
    for (let i = 0; i < 300; i += 1) await reader.read(i);
    expect(arrayBuffer.mock.calls.length).toBeLessThan(7);
  });

  it('says that a file is gone, also one it had open', async () => {
    const { reader, blobs } = await storedRows();
    await reader.read(1777);
    await blobs.remove(chunkPath('d', 26));
    await blobs.remove(chunkPath('d', 0));
    vi.spyOn(Blob.prototype, 'arrayBuffer').mockRejectedValueOnce(new DOMException('gone', 'NotFoundError'));
    await expect(reader.read(1778)).resolves.toMatchObject({ kind: 'text' });
    await expect(reader.read(0)).rejects.toMatchObject({ code: 'storage.missing' });
  });
});
