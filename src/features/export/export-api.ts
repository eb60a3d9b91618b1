// The export and import calls of the features worker: looks records up and hands them to who packs them.
import { databaseDocuments } from '../../core/config/settings-store';
import type { Database } from '../../core/database';
import type { ConversationExporter } from '../../core/factories';
import type { DynamicFactory } from '../../core/factory';
import { AppError } from '../../lib/errors';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { ErrorCode } from '../../protocol/errors';
import type { FeaturesApi, FeaturesStreams } from '../../protocol/features';
import { exportAdapter } from './export-adapter';
import { WeightExports } from './export-weights';
import { exportWorkspace } from './export-workspace';
import { importWorkspace } from './import-workspace';

export interface ExportDependencies {
  database: Database;
  blobs: BlobStore;
  conversationExporters: DynamicFactory<ConversationExporter>;
}

export type ExportApi = Omit<FeaturesApi, 'health' | 'searchConversations'>;

export function createExportStreams({ database, blobs }: ExportDependencies): FeaturesStreams {
  const exports = new WeightExports({ database, blobs });
  return { exportWeights: (target, format) => exports.run(target, format) };
}

export function createExportApi({ database, blobs, conversationExporters }: ExportDependencies): ExportApi {
  return {
    async exportAdapter(adapterId) {
      const adapter = await database.get('adapters', adapterId);
      if (adapter === undefined) throw unknown('adapter.unknown', 'adapter', adapterId);
      return exportAdapter(adapter, (await database.get('models', adapter.baseModelId)) ?? null, blobs);
    },
    exportOptions: (target) => new WeightExports({ database, blobs }).options(target),
    async exportConversation(conversationId, format) {
      const conversation = await database.get('conversations', conversationId);
      if (conversation === undefined) throw unknown('storage.missing', 'conversation', conversationId);
      return conversationExporters.create(format).export(conversation);
    },
    exportWorkspace: (parts) => exportWorkspace(parts, database, databaseDocuments(database)),
    importWorkspace: (file) => importWorkspace(file, database),
  };
}

function unknown(code: ErrorCode, kind: string, id: string): AppError {
  return new AppError(code, `There is no ${kind} "${id}".`, {
    details: { id },
    remedy: 'It may have been deleted in another tab; reload the page.',
  });
}
