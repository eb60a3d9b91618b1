// What the data worker is made of: every service with what it needs.
import { Container, createToken, type Resolver } from '../core/container';
import type { Database } from '../core/database';
import { EventBus } from '../core/event-bus';
import { dataBackendFactory, samplingMetricFactory, samplingStrategyFactory } from '../core/factories';
import { PluginManager } from '../core/plugins/plugin-manager';
import { createSamplingFactories } from '../data/runtime/sampling-factories';
import { FolderStore } from '../data/backends/folder-store';
import { createBackendFactory } from '../data/builders/backend-factory';
import { readPixels } from '../data/images/read-pixels';
import { renderPicture } from '../data/images/render-picture';
import type { BlobStore } from '../lib/storage/blob-store';
import { heapBytes } from '../lib/heap-bytes';
import { browserClock } from '../lib/async/browser-clock';
import { openPartialFiles } from '../lib/storage/open-partial-files';
import { BackendService } from './backend-service';
import { BatchPlans } from './batch-plans';
import { CacheStores } from './cache-stores';
import { DataService, findTexts } from './data-service';
import { EMBEDDED_MODEL_ID } from './embedded-model';
import { EncodingPlans } from './encoding-plans';
import { createHubService, type HubService } from './hub-service';
import { createModelCatalog, type ModelCatalog } from './model-catalog';
import { PluginService } from './plugin-service';
import { QualityService } from './quality-service';
import { TextTools } from './text-tools';
import { storedSettings } from './stored-settings';

const databaseToken = createToken<Database>('database');
const blobsToken = createToken<BlobStore>('blob-store');
export const locksToken = createToken<LockManager | null>('locks');
const catalogToken = createToken<ModelCatalog>('model-catalog');
const toolsToken = createToken<TextTools>('text-tools');
export const cachesToken = createToken<CacheStores>('caches');
export const plansToken = createToken<BatchPlans>('batch-plans');
export const encodingsToken = createToken<EncodingPlans>('encodings');
export const datasetsToken = createToken<DataService>('datasets');
export const qualityToken = createToken<QualityService>('quality');
const pluginsToken = createToken<PluginService>('plugins');
export const backendsToken = createToken<BackendService>('backends');
export const hubToken = createToken<HubService>('hub');

export interface DataSurroundings {
  database: Database;
  blobs: BlobStore;
  beat: () => void;
}

export function createDataContainer(outside: DataSurroundings): Container {
  const container = new Container();
  registerStorage(container, outside);
  registerFactories(container);
  registerCaches(container, outside);
  registerDatasets(container, outside);
  registerBackends(container, outside);
  registerHub(container, outside);
  return container;
}

function registerStorage(container: Container, { database, blobs }: DataSurroundings): void {
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
}

/** What plugins add to. They hear the events of the engine worker there. */
function registerFactories(container: Container): void {
  const { strategies, metrics } = createSamplingFactories();
  container.registerValue(samplingStrategyFactory, strategies);
  container.registerValue(samplingMetricFactory, metrics);
  container.register(dataBackendFactory, createBackendFactory);
  container.register(pluginsToken, (services) => {
    const manager = new PluginManager(container, new EventBus());
    return new PluginService({ database: services.get(databaseToken), manager });
  });
}

const followPlugins = (services: Resolver): Promise<void> =>
  services.get(pluginsToken).follow(import.meta.glob('/src/plugins/*.ts'));

const hubEndpoint = async (services: Resolver): Promise<string> =>
  (await storedSettings(services.get(databaseToken))).hub.endpoint;

/** What is kept of work on samples, and the vectors that are made of them. */
function registerCaches(container: Container, { beat }: DataSurroundings): void {
  container.register(
    cachesToken,
    (services) =>
      new CacheStores({
        database: services.get(databaseToken),
        openStore: (config, secrets) => services.get(backendsToken).openPlace(config, secrets),
        now: () => Date.now(),
        createId: () => crypto.randomUUID(),
        warn: (text) => console.warn(text),
      }),
  );
  container.register(
    encodingsToken,
    (services) =>
      new EncodingPlans({
        database: services.get(databaseToken),
        blobs: services.get(blobsToken),
        findModel: (id) => services.get(catalogToken).findModel(id),
        readPixels,
        vectorsOf: (dataset) => services.get(cachesToken).valuesOf(dataset, 'vectors'),
        now: () => Date.now(),
        beat,
      }),
  );
}

function registerDatasets(container: Container, { beat }: DataSurroundings): void {
  container.register(
    plansToken,
    (services) =>
      new BatchPlans({
        findDataset: (id) => findTexts(services.get(databaseToken), id),
        blobs: services.get(blobsToken),
        tools: services.get(toolsToken),
        sampling: {
          strategies: services.get(samplingStrategyFactory),
          metrics: services.get(samplingMetricFactory),
        },
        followPlugins: () => followPlugins(services),
        tokensOf: (dataset) => services.get(cachesToken).valuesOf(dataset, 'tokens'),
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
        caches: services.get(cachesToken),
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
}

function registerBackends(container: Container, { beat }: DataSurroundings): void {
  container.register(
    backendsToken,
    (services) =>
      new BackendService({
        database: services.get(databaseToken),
        blobs: services.get(blobsToken),
        folders: new FolderStore(services.get(databaseToken)),
        factory: services.get(dataBackendFactory),
        followPlugins: () => followPlugins(services),
        network: {
          fetch: (...request) => fetch(...request),
          clock: browserClock,
          online: () => navigator.onLine,
        },
        hubEndpoint: () => hubEndpoint(services),
        encoder: () => services.get(toolsToken).encoderFor(EMBEDDED_MODEL_ID),
        encoders: async () =>
          (await services.get(catalogToken).listModels()).filter(
            ({ task }) => task === 'embedding' || task === 'vision',
          ),
        renderPicture,
        plans: services.get(plansToken),
        quality: services.get(qualityToken),
        deleteDataset: (id) => services.get(datasetsToken).deleteDataset(id),
        variables: async () => {
          const { variables } = (await storedSettings(services.get(databaseToken))).data;
          return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
        },
        locks: services.get(locksToken),
        now: () => Date.now(),
        heapBytes,
        log: (text) => console.info(text),
        beat,
      }),
  );
}

function registerHub(container: Container, { beat }: DataSurroundings): void {
  container.register(hubToken, (services) =>
    createHubService({
      database: services.get(databaseToken),
      blobs: services.get(blobsToken),
      partials: openPartialFiles(services.get(blobsToken)),
      fetch: (...request) => fetch(...request),
      endpoint: () => hubEndpoint(services),
      clock: browserClock,
      online: () => navigator.onLine,
      beat,
    }),
  );
}
