// Reads a workspace file back. All of it or nothing: checked first, then written in one transaction. What is there
// already under the same id stays as it is.
import { parseSettings } from '../../core/config/parse-settings';
import { defaultSettings, type Settings } from '../../core/config/settings';
import { SETTINGS_DOCUMENT } from '../../core/config/settings-store';
import type { Database } from '../../core/database';
import { AppError, messageOf } from '../../lib/errors';
import type { ImportCounts } from '../../protocol/features';
import type { NamedFile } from '../../protocol/models';
import type { RunRecord } from '../../protocol/training';
import { parseWorkspace, type WorkspaceFile } from './workspace-schema';

/** One string cannot be much longer in today's engines. */
const MAX_BYTES = 400e6;
const STORES = ['conversations', 'runs', 'runMetrics', 'adapters', 'documents'] as const;

/** @throws AppError `import.invalid`, or `config.*` for its settings. */
export async function importWorkspace(file: NamedFile, database: Database): Promise<ImportCounts> {
  const workspace = parseWorkspace(await readJson(file));
  const settings = workspace.settings === undefined ? null : parseSettings(workspace.settings);
  const transaction = openTransaction(database);
  const counts = {
    conversations: await addConversations(workspace, transaction),
    runs: await addRuns(workspace, transaction),
    settings: await addSettings(settings, transaction),
  };
  await transaction.done;
  return counts;
}

type ImportTransaction = ReturnType<typeof openTransaction>;
function openTransaction(database: Database) {
  return database.transaction(STORES, 'readwrite');
}

async function addConversations(
  { conversations = [] }: WorkspaceFile,
  transaction: ImportTransaction,
): Promise<number> {
  const store = transaction.objectStore('conversations');
  let added = 0;
  for (const conversation of conversations) {
    if ((await store.getKey(conversation.id)) !== undefined) continue;
    await store.add(conversation);
    added += 1;
  }
  return added;
}

async function addRuns({ runs = [] }: WorkspaceFile, transaction: ImportTransaction): Promise<number> {
  const store = transaction.objectStore('runs');
  const metricStore = transaction.objectStore('runMetrics');
  const adapters = new Set(await transaction.objectStore('adapters').getAllKeys());
  let added = 0;
  for (const { record, metrics } of runs) {
    if ((await store.getKey(record.id)) !== undefined) continue;
    await store.add(settled(record, adapters));
    for (const row of metrics) if (row.runId === record.id) await metricStore.put(row);
    added += 1;
  }
  return added;
}

/** A run that came in a file runs nowhere, and what it made may not have come with it. */
function settled(record: RunRecord, adapters: Set<string>): RunRecord {
  const active = record.status === 'running' || record.status === 'paused';
  const hasAdapter = record.adapterId !== null && adapters.has(record.adapterId);
  return {
    ...record,
    status: active ? 'interrupted' : record.status,
    adapterId: hasAdapter ? record.adapterId : null,
  };
}

/** Settings that were changed here stay; untouched ones give way. */
async function addSettings(settings: Settings | null, transaction: ImportTransaction): Promise<number> {
  if (settings === null) return 0;
  const store = transaction.objectStore('documents');
  const present: unknown = await store.get(SETTINGS_DOCUMENT);
  const untouched = present === undefined || JSON.stringify(present) === JSON.stringify(defaultSettings);
  if (!untouched || JSON.stringify(settings) === JSON.stringify(defaultSettings)) return 0;
  await store.put(settings, SETTINGS_DOCUMENT);
  return 1;
}

async function readJson({ name, blob }: NamedFile): Promise<unknown> {
  if (blob.size > MAX_BYTES) {
    throw new AppError(
      'import.invalid',
      `${name} has ${(blob.size / 1e6).toFixed(0)} MB; 400 MB can be read.`,
      {
        details: { name, sizeBytes: blob.size },
        remedy: 'Export conversations and runs separately.',
      },
    );
  }
  try {
    return JSON.parse(await blob.text()) as unknown;
  } catch (cause) {
    throw new AppError('import.invalid', `${name} is no readable JSON: ${messageOf(cause)}`, {
      details: { name },
      remedy: 'Choose the .json file that "Export everything" wrote; nothing was imported.',
      cause,
    });
  }
}
