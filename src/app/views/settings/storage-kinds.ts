// What is stored, by kind: how many and how much. Read from the records; nothing is estimated.
import type { Database } from '../../../core/database';

export interface StorageKind {
  name: 'models' | 'adapters' | 'datasets' | 'checkpoints' | 'conversations' | 'responses';
  items: number;
  sizeBytes: number;
}

export async function measureKinds(database: Database): Promise<StorageKind[]> {
  const [models, adapters, datasets, checkpoints, conversations, responses] = await Promise.all([
    database.getAll('models'),
    database.getAll('adapters'),
    database.getAll('datasets'),
    database.getAll('checkpoints'),
    database.getAll('conversations'),
    database.getAll('responses'),
  ]);
  const stored = models.filter(({ location }) => location.kind === 'blob');
  return [
    { name: 'models', items: stored.length, sizeBytes: sum(stored) },
    { name: 'adapters', items: adapters.length, sizeBytes: sum(adapters) },
    { name: 'datasets', items: datasets.length, sizeBytes: sum(datasets) },
    { name: 'checkpoints', items: checkpoints.length, sizeBytes: sum(checkpoints) },
    { name: 'conversations', items: conversations.length, sizeBytes: textBytes(conversations) },
    { name: 'responses', items: responses.length, sizeBytes: textBytes(responses) },
  ];
}

function sum(records: readonly { sizeBytes: number }[]): number {
  return records.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

/** As JSON in UTF-8: what an export of them would take. */
function textBytes(records: readonly unknown[]): number {
  return records.length === 0 ? 0 : new TextEncoder().encode(JSON.stringify(records)).length;
}
