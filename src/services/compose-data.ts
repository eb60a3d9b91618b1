// Composition root of the data worker: the only place that makes its services.
import { Container, createToken } from '../core/container';
import type { Database } from '../core/database';
import { EventBus } from '../core/event-bus';
import { dataBackendFactory, samplingMetricFactory, samplingStrategyFactory } from '../core/factories';
import { PluginManager } from '../core/plugins/plugin-manager';
import { createSamplingFactories } from '../data/runtime/sampling-factories';
import { FolderStore } from '../data/backends/folder-store';
import { createBackendFactory } from '../data/builders/backend-factory';
import { TokenCache } from '../data/caches/token-cache';
import { removeLeftovers } from '../data/importing/import-lock';
import type { BlobStore } from '../lib/storage/blob-store';
import { heapBytes } from '../lib/heap-bytes';
import { browserClock } from '../lib/async/browser-clock';
import { openPartialFiles } from '../lib/storage/open-partial-files';
import type { BatchApi, DataWorkerApi, DataWorkerStreams } from '../protocol/data';
import type { WorkerContext, WorkerParts } from '../protocol/worker-context';
import { BackendService } from './backend-service';
import { BatchPlans } from './batch-plans';
import { DataService, findDataset } from './data-service';
import { EMBEDDED_MODEL_ID } from './embedded-model';
import { createHubService, type HubService } from './hub-service';
import { joinDataCalls } from './join-data-calls';
import { createModelCatalog, type ModelCatalog } from './model-catalog';
import { PluginService } from './plugin-service';
import { QualityService } from './quality-service';
import { TextTools } from './text-tools';
import { openStorage } from './open-storage';
import { storedSettings } from './stored-settings';

export interface DataParts extends WorkerParts<Omit<DataWorkerApi, 'health'>, DataWorkerStreams> {
  batches: BatchApi;
}

const databaseToken = createToken<Database>('database');
const blobsToken = createToken<BlobStore>('blob-store');
const locksToken = createToken<LockManager | null>('locks');
const catalogToken = createToken<ModelCatalog>('model-catalog');
const toolsToken = createToken<TextTools>('text-tools');
const tokensToken = createToken<TokenCache>('token-cache');
const plansToken = createToken<BatchPlans>('batch-plans');
const datasetsToken = createToken<DataService>('datasets');
const qualityToken = createToken<QualityService>('quality');
const pluginsToken = createToken<PluginService>('plugins');
const backendsToken = createToken<BackendService>('backends');
const hubToken = createToken<HubService>('hub');

type DataContext = Pick<WorkerContext, 'beat' | 'busPort'>;

export async function composeData(context: DataContext): Promise<DataParts> {
  const { database, blobs } = await openStorage();
  const container = dataContainer(database, blobs, context);
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

function dataContainer(database: Database, blobs: BlobStore, { beat }: DataContext): Container {
  const container = new Container();
  container.registerValue(databaseToken, database);
  container.registerValue(blobsToken, blobs);
  container.registerValue(locksToken, 'locks' in navigator ? navigator.locks : null);
  container.register(catalogToken, (services) =>
    createModelCatalog(services.get(databaseToken), services.get(blobsToken)),
  );
  container.register(toolsToken, (services) => {
    const catalog = services.get(catalogToken);
    return new TextTools((id) => catalog.findModel(id), services.get(blobsToken));
  });
  const { strategies, metrics } = createSamplingFactories();
  container.registerValue(samplingStrategyFactory, strategies);
  container.registerValue(samplingMetricFactory, metrics);
  const followPlugins = (): Promise<void> =>
    container.get(pluginsToken).follow(import.meta.glob('/src/plugins/*.ts'));
  container.register(tokensToken, (services) => new TokenCache(services.get(databaseToken)));
  container.register(
    plansToken,
    (services) =>
      new BatchPlans({
        findDataset: (id) => findDataset(services.get(databaseToken), id),
        blobs: services.get(blobsToken),
        tools: services.get(toolsToken),
        sampling: { strategies, metrics },
        followPlugins,
        tokens: services.get(tokensToken),
        beat,
      }),
  );
  container.register(
    datasetsToken,
    (services) =>
      new DataService({
        database: services.get(databaseToken),
        blobs: services.get(blobsToken),
        tools: services.get(toolsToken),
        plans: services.get(plansToken),
        tokens: services.get(tokensToken),
        locks: services.get(locksToken),
        beat,
        readSampleFile: (fileName) => fetch(`${import.meta.env.BASE_URL}samples/${fileName}`),
      }),
  );
  container.register(
    qualityToken,
    (services) =>
      new QualityService({
        database: services.get(databaseToken),
        blobs: services.get(blobsToken),
        tools: services.get(toolsToken),
        plans: services.get(plansToken),
        now: () => Date.now(),
        beat,
      }),
  );
  container.register(dataBackendFactory, createBackendFactory);
  container.register(pluginsToken, (services) => {
    // Plugins hear the events of the engine worker there; here they only add to the factory.
    const manager = new PluginManager(container, new EventBus());
    return new PluginService({ database: services.get(databaseToken), manager });
  });
  container.register(
    backendsToken,
    (services) =>
      new BackendService({
        database: services.get(databaseToken),
        blobs: services.get(blobsToken),
        folders: new FolderStore(services.get(databaseToken)),
        factory: services.get(dataBackendFactory),
        followPlugins,
        network: {
          fetch: (...request) => fetch(...request),
          clock: browserClock,
          online: () => navigator.onLine,
        },
        encoder: () => services.get(toolsToken).encoderFor(EMBEDDED_MODEL_ID),
        plans: services.get(plansToken),
        deleteDataset: (id) => services.get(datasetsToken).deleteDataset(id),
        variables: async () => {
          const { variables } = (await storedSettings(services.get(databaseToken))).data;
          return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
        },
        locks: services.get(locksToken),
        now: () => Date.now(),
        heapBytes,
        beat,
      }),
  );
  container.register(hubToken, (services) =>
    createHubService({
      database: services.get(databaseToken),
      blobs: services.get(blobsToken),
      partials: openPartialFiles(services.get(blobsToken)),
      fetch: (...request) => fetch(...request),
      endpoint: async () => (await storedSettings(services.get(databaseToken))).hub.endpoint,
      clock: browserClock,
      online: () => navigator.onLine,
      beat,
    }),
  );
  return container;
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
