// Conversations, runs and settings as one JSON file. The vault is not read here: secrets never leave.
import type { DocumentStore } from '../../core/config/settings-store';
import { SETTINGS_DOCUMENT } from '../../core/config/settings-store';
import type { Database } from '../../core/database';
import type { NamedFile } from '../../protocol/models';
import { dayOf } from './file-name';
import { WORKSPACE_KIND, WORKSPACE_VERSION, type WorkspaceFile, type WorkspaceRun } from './workspace-schema';

export interface WorkspaceParts {
  conversations: boolean;
  runs: boolean;
  settings: boolean;
}

export async function exportWorkspace(
  parts: WorkspaceParts,
  database: Database,
  documents: DocumentStore,
  now: () => number = Date.now,
): Promise<NamedFile> {
  const exportedAt = now();
  const file: WorkspaceFile = { kind: WORKSPACE_KIND, version: WORKSPACE_VERSION, exportedAt };
  if (parts.conversations) file.conversations = await database.getAll('conversations');
  if (parts.runs) file.runs = await readRuns(database);
  if (parts.settings) file.settings = await documents.get(SETTINGS_DOCUMENT);
  const blob = new Blob([`${JSON.stringify(file, null, 1)}\n`], { type: 'application/json' });
  return { name: `fragua-${dayOf(exportedAt)}.json`, blob };
}

async function readRuns(database: Database): Promise<WorkspaceRun[]> {
  const records = await database.getAll('runs');
  return Promise.all(
    records.map(async (record) => ({
      record,
      // Keys are [runId, kind, step]: every key of a run lies between its bare id and that id with an array, which
      // sorts after all strings.
      metrics: await database.getAll('runMetrics', metricsOf(record.id)),
    })),
  );
}

function metricsOf(runId: string): IDBKeyRange {
  return IDBKeyRange.bound([runId], [runId, []]);
}
