// A database and a blob store of their own for each test.
import 'fake-indexeddb/auto';
import { type Database, openDatabase } from '../../core/database';
import type { BlobStore } from '../../lib/storage/blob-store';
import { MemoryBlobStore } from '../../lib/storage/memory-blob-store';
import type { ImportOptions, ImportOutcome } from '../../protocol/datasets';
import { importDataset } from '../importing/import-dataset';
import type { SourceFile } from '../reading/file-rows';

export interface MemoryData {
  database: Database;
  blobs: BlobStore;
}

export async function memoryData(): Promise<MemoryData> {
  return { database: await openDatabase(crypto.randomUUID()), blobs: new MemoryBlobStore() };
}

export function textFile(name: string, content: string): SourceFile {
  return { name, blob: new Blob([content]) };
}

export function importOptions(changes: Partial<ImportOptions> = {}): ImportOptions {
  return { name: 'Data', onBadLine: 'stop', format: null, mapping: null, ...changes };
}

export async function importFiles(
  data: MemoryData,
  files: SourceFile[],
  changes: Partial<ImportOptions> = {},
): Promise<ImportOutcome> {
  const request = { files, options: importOptions(changes), sampleId: null };
  for await (const event of importDataset(request, data)) if (event.type === 'outcome') return event.outcome;
  throw new Error('The import ended without an outcome.');
}
