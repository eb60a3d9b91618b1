// A dataset as an import leaves it in the origin private file system, of any size: JSONL chunks of English-like texts of about
// a kilobyte, the index, the record. Chunks are made once and written many times: nothing here is cached by content.
import type { Database } from '../../src/core/database';
import { chunkPath, indexPath } from '../../src/data/storage/dataset-files';
import { CHUNK_BYTES, IndexBuilder } from '../../src/data/storage/row-writer';
import type { BlobStore } from '../../src/lib/storage/blob-store';
import { Random } from '../../src/lib/random';
import type { DatasetRecord } from '../../src/protocol/datasets';
import words from '../../public/samples/harbour-log.jsonl?raw';

const DIFFERENT_CHUNKS = 8;
const WORDS_OF_ROW = 180;
const MAPPING = { text: 'text' };
export const STORED_ID = 'bench';

interface Chunk {
  bytes: Uint8Array<ArrayBuffer>;
  lengths: number[];
}

/** What its texts are made of: words as they stand in a sample of the site. */
const VOCABULARY = [...new Set(words.split(/[^A-Za-z,.']+/))].filter((word) => word !== '');

export function madeText(random: Random): string {
  const text = Array.from({ length: WORDS_OF_ROW }, () => VOCABULARY[random.integer(VOCABULARY.length)]);
  return text.join(' ');
}

function madeChunk(random: Random): Chunk {
  const utf8 = new TextEncoder();
  const lines: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  while (size < CHUNK_BYTES) {
    const line = utf8.encode(`${JSON.stringify({ text: madeText(random) })}\n`);
    lines.push(line);
    size += line.length;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const line of lines) {
    bytes.set(line, at);
    at += line.length;
  }
  return { bytes, lengths: lines.map((line) => line.length) };
}

export async function storeRows(database: Database, blobs: BlobStore, bytes: number): Promise<DatasetRecord> {
  const random = new Random(1);
  const chunks = Array.from({ length: DIFFERENT_CHUNKS }, () => madeChunk(random));
  const index = new IndexBuilder();
  let written = 0;
  for (let chunk = 0; written < bytes; chunk += 1) {
    const content = chunks[chunk % chunks.length];
    if (content === undefined) break;
    await blobs.write(chunkPath(STORED_ID, chunk), content.bytes);
    let offset = 0;
    for (const length of content.lengths) {
      index.add(chunk, offset, length);
      offset += length;
    }
    written += offset;
  }
  await blobs.write(indexPath(STORED_ID, 'text', MAPPING), index.bytes());
  const record = recordOf(index.samples, written);
  await database.put('datasets', record);
  return record;
}

function recordOf(samples: number, sizeBytes: number): DatasetRecord {
  return {
    ...{ id: STORED_ID, name: 'Bench', fileNames: ['bench.jsonl'], fileType: 'jsonl', format: 'text' },
    ...{ detected: true, reason: '', mapping: MAPPING, columns: ['text'], samples, sizeBytes, skipped: {} },
    ...{ origin: 'imported', sampleId: null, folder: STORED_ID, createdAt: 0 },
  };
}
