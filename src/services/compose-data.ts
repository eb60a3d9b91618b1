// Composition root of the data worker: it opens the storage, makes the services and says which calls are whose.
import { removeLeftovers } from '../data/importing/import-lock';
import type { BatchApi, DataWorkerApi, DataWorkerStreams } from '../protocol/data';
import type { WorkerContext, WorkerParts } from '../protocol/worker-context';
import type { BackendService } from './backend-service';
import type { BatchPlans } from './batch-plans';
import {
  backendsToken,
  createDataContainer,
  datasetsToken,
  hubToken,
  locksToken,
  plansToken,
  qualityToken,
  tokensToken,
} from './data-container';
import type { DataService } from './data-service';
import type { HubService } from './hub-service';
import { joinDataCalls } from './join-data-calls';
import { openStorage } from './open-storage';
import type { QualityService } from './quality-service';

export interface DataParts extends WorkerParts<Omit<DataWorkerApi, 'health'>, DataWorkerStreams> {
  batches: BatchApi;
}

type DataContext = Pick<WorkerContext, 'beat' | 'busPort'>;

export async function composeData(context: DataContext): Promise<DataParts> {
  const { database, blobs } = await openStorage();
  const container = createDataContainer({ database, blobs, beat: context.beat });
  const [datasets, plans] = [container.get(datasetsToken), container.get(plansToken)];
  const [quality, hub] = [container.get(qualityToken), container.get(hubToken)];
  const backends = container.get(backendsToken);
  // A failed cleaning costs room, nothing else: it is tried again at the next start.
  removeLeftovers(database, blobs, container.get(locksToken)).catch((error: unknown) =>
    console.warn('Data: cleaning failed', error),
  );
  return {
    ...joinDataCalls({ datasets, quality, backends, hub, tokens: container.get(tokensToken) }),
    batches: plans,
    services: container.list().map(({ name }) => name),
    activity: () => activityOf(datasets, plans, quality, backends, hub),
    async dispose() {
      // Nothing in this worker speaks or listens on the bus.
      context.busPort.close();
      await container.dispose();
      database.close();
    },
  };
}

function activityOf(
  service: DataService,
  plans: BatchPlans,
  quality: QualityService,
  backends: BackendService,
  hub: HubService,
): string {
  if (backends.building) return 'building datasets';
  if (service.importing) return 'importing';
  if (quality.checking) return 'checking a dataset';
  if (hub.downloading) return 'downloading';
  return plans.preparing ? 'preparing batches' : 'idle';
}
