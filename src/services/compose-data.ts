// Composition root of the data worker: the only place that makes its services.
import { openDatabase } from '../core/database';
import { removeLeftovers } from '../data/importing/import-lock';
import { openBlobStore } from '../lib/storage/open-blob-store';
import type { BatchApi, DataApi, DataStreams } from '../protocol/data';
import type { WorkerContext, WorkerParts } from '../protocol/worker-context';
import { BatchPlans } from './batch-plans';
import { DataService, findDataset } from './data-service';
import { createModelCatalog } from './model-catalog';
import { TextTools } from './text-tools';

export interface DataParts extends WorkerParts<Omit<DataApi, 'health'>, DataStreams> {
  batches: BatchApi;
}

export async function composeData({ beat }: Pick<WorkerContext, 'beat'>): Promise<DataParts> {
  const [database, blobs] = await Promise.all([openDatabase(), openBlobStore()]);
  const catalog = createModelCatalog(database, blobs);
  const tools = new TextTools((id) => catalog.findModel(id), blobs);
  const locks = 'locks' in navigator ? navigator.locks : null;
  const plans = new BatchPlans({ findDataset: (id) => findDataset(database, id), blobs, tools, beat });
  const service = new DataService({
    database,
    blobs,
    tools,
    plans,
    locks,
    beat,
    readSampleFile: (fileName) => fetch(`${import.meta.env.BASE_URL}samples/${fileName}`),
  });
  // A failed cleaning costs room, nothing else: it is tried again at the next start.
  removeLeftovers(database, blobs, locks).catch((error: unknown) =>
    console.warn('Data: cleaning failed', error),
  );
  return {
    api: service,
    streams: service,
    batches: plans,
    services: ['datasets', 'batches'],
    activity: () => activityOf(service, plans),
    dispose: () => database.close(),
  };
}

function activityOf(service: DataService, plans: BatchPlans): string {
  if (service.importing) return 'importing';
  return plans.preparing ? 'preparing batches' : 'idle';
}
