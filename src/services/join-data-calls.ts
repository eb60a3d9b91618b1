// The data worker answers for several services: this says which call is whose. Calls are found by name, so each is named here.
import type { CacheApi, DataWorkerApi, DataWorkerStreams, PeerApi } from '../protocol/data';
import type { EmbeddingApi } from '../protocol/encoding';
import type { BackendService } from './backend-service';
import type { CacheStores } from './cache-stores';
import type { DataService } from './data-service';
import type { BatchPlans } from './batch-plans';
import type { EncodingPlans } from './encoding-plans';
import type { HubService } from './hub-service';
import type { QualityService } from './quality-service';

export interface DataCalls {
  api: Omit<DataWorkerApi, 'health'>;
  streams: DataWorkerStreams;
}

export interface DataServices {
  datasets: DataService;
  quality: QualityService;
  backends: BackendService;
  hub: HubService;
  caches: CacheStores;
  encodings: EncodingPlans;
}

export function joinDataCalls({
  datasets,
  quality,
  backends,
  hub,
  caches,
  encodings,
}: DataServices): DataCalls {
  return {
    api: {
      listDatasets: () => datasets.listDatasets(),
      addSampleDataset: (...rest) => datasets.addSampleDataset(...rest),
      reinterpret: (...rest) => datasets.reinterpret(...rest),
      renameDataset: (...rest) => datasets.renameDataset(...rest),
      deleteDataset: (...rest) => datasets.deleteDataset(...rest),
      preview: (...rest) => datasets.preview(...rest),
      pictures: (...rest) => datasets.pictures(...rest),
      renderSample: (...rest) => datasets.renderSample(...rest),
      lengthHistogram: (...rest) => datasets.lengthHistogram(...rest),
      summarize: (...rest) => datasets.summarize(...rest),
      qualityReport: (...rest) => quality.qualityReport(...rest),
      applyFix: (...rest) => quality.applyFix(...rest),
      undoStep: (...rest) => quality.undoStep(...rest),
      ...keptCalls(caches, encodings),
      listBackends: () => backends.listBackends(),
      checkBackends: (...rest) => backends.checkBackends(...rest),
      saveBackend: (...rest) => backends.saveBackend(...rest),
      testBackend: (...rest) => backends.testBackend(...rest),
      rescanBackend: (...rest) => backends.rescanBackend(...rest),
      backendDrift: (...rest) => backends.backendDrift(...rest),
      removeBackend: (...rest) => backends.removeBackend(...rest),
      keepFolder: (...rest) => backends.keepFolder(...rest),
      inspectRepository: (...rest) => hub.inspectRepository(...rest),
      readModelConfig: (...rest) => hub.readModelConfig(...rest),
      listDownloads: () => hub.listDownloads(),
      discardDownload: (...rest) => hub.discardDownload(...rest),
    },
    streams: {
      // The host appends a signal to the arguments of a stream.
      importDataset: (...rest) => datasets.importDataset(...rest),
      exportVectors: (...rest) => encodings.exportVectors(...rest),
      checkQuality: (...rest) => quality.checkQuality(...rest),
      buildBackends: (...rest) => backends.buildBackends(...rest),
      downloadModel: (...rest) => hub.downloadModel(...rest),
    },
  };
}

/** About what is kept of samples. */
function keptCalls(caches: CacheStores, encodings: EncodingPlans): CacheApi & EmbeddingApi {
  return {
    cacheSizes: () => caches.sizes(),
    connectStore: (...rest) => caches.connectStore(...rest),
    clearCache: (...rest) => caches.clear(...rest),
    embeddingState: (...rest) => encodings.embeddingState(...rest),
    clearVectors: (...rest) => encodings.clearVectors(...rest),
    findSimilar: (...rest) => encodings.findSimilar(...rest),
  };
}

/** What the engine worker asks. */
export function joinPeerCalls(plans: BatchPlans, encodings: EncodingPlans): PeerApi {
  return {
    openPlan: (...rest) => plans.openPlan(...rest),
    trainBatch: (...rest) => plans.trainBatch(...rest),
    evalBatch: (...rest) => plans.evalBatch(...rest),
    evalPrompts: (...rest) => plans.evalPrompts(...rest),
    samplingMetrics: (...rest) => plans.samplingMetrics(...rest),
    closePlan: (...rest) => plans.closePlan(...rest),
    openEncoding: (...rest) => encodings.openEncoding(...rest),
    nextToEncode: (...rest) => encodings.nextToEncode(...rest),
    keepEncoded: (...rest) => encodings.keepEncoded(...rest),
    closeEncoding: (...rest) => encodings.closeEncoding(...rest),
  };
}
