// Composition root of the data worker: it opens the storage, makes the services and says which calls are whose.
import { removeLeftovers } from '../data/importing/import-lock';
import type { DataWorkerApi, DataWorkerStreams, PeerApi } from '../protocol/data';
import type { WorkerContext, WorkerParts } from '../protocol/worker-context';
import type { BackendService } from './backend-service';
import type { BatchPlans } from './batch-plans';
import {
  backendsToken,
  cachesToken,
  createDataContainer,
  datasetsToken,
  encodingsToken,
  hubToken,
  locksToken,
  plansToken,
  qualityToken,
} from './data-container';
import type { DataService } from './data-service';
import type { EncodingPlans } from './encoding-plans';
import type { HubService } from './hub-service';
import { joinDataCalls, joinPeerCalls } from './join-data-calls';
import { openStorage } from './open-storage';
import type { QualityService } from './quality-service';

export interface DataParts extends WorkerParts<Omit<DataWorkerApi, 'health'>, DataWorkerStreams> {
  peer: PeerApi;
}

interface ActiveServices {
  datasets: DataService;
  plans: BatchPlans;
  quality: QualityService;
  backends: BackendService;
  hub: HubService;
  encodings: EncodingPlans;
}

type DataContext = Pick<WorkerContext, 'beat' | 'busPort'>;

export async function composeData(context: DataContext): Promise<DataParts> {
  const { database, blobs } = await openStorage();
  const container = createDataContainer({ database, blobs, beat: context.beat });
  const [datasets, plans] = [container.get(datasetsToken), container.get(plansToken)];
  const [quality, hub] = [container.get(qualityToken), container.get(hubToken)];
  const [backends, encodings] = [container.get(backendsToken), container.get(encodingsToken)];
  // A failed cleaning costs room, nothing else: it is tried again at the next start.
  removeLeftovers(database, blobs, container.get(locksToken)).catch((error: unknown) =>
    console.warn('Data: cleaning failed', error),
  );
  return {
    ...joinDataCalls({ datasets, quality, backends, hub, caches: container.get(cachesToken), encodings }),
    peer: joinPeerCalls(plans, encodings),
    services: container.list().map(({ name }) => name),
    activity: () => activityOf({ datasets, plans, quality, backends, hub, encodings }),
    async dispose() {
      // Nothing in this worker speaks or listens on the bus.
      context.busPort.close();
      await container.dispose();
      database.close();
    },
  };
}

function activityOf({ datasets, plans, quality, backends, hub, encodings }: ActiveServices): string {
  if (backends.building) return 'building datasets';
  if (datasets.importing) return 'importing';
  if (quality.checking) return 'checking a dataset';
  if (hub.downloading) return 'downloading';
  if (encodings.encoding) return 'handing out samples to encode';
  return plans.preparing ? 'preparing batches' : 'idle';
}
