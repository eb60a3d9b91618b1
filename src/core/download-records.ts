// Records of unfinished downloads in the database, among its small documents. The database is the caller's.
import type { DownloadRecord, DownloadRecords } from '../lib/download/download-records';
import type { Database } from './database';
import { documentsOf, type Documents } from './documents';

export class StoredDownloadRecords implements DownloadRecords {
  readonly #documents: Documents<DownloadRecord>;

  constructor(database: Database) {
    this.#documents = documentsOf<DownloadRecord>(
      database,
      'download',
      (value) => 'ranges' in value && 'target' in value,
    );
  }

  get(id: string): Promise<DownloadRecord | null> {
    return this.#documents.get(id);
  }

  put(record: DownloadRecord): Promise<void> {
    return this.#documents.put(record.id, record);
  }

  delete(id: string): Promise<void> {
    return this.#documents.delete(id);
  }
}
