// Composition root of the features worker: what is built here, and nowhere else, is what its calls run on.
import { Container, createToken } from '../core/container';
import type { Database } from '../core/database';
import { conversationExporterFactory, factories } from '../core/factories';
import { conversationJson } from '../features/export/conversation-json';
import { conversationMarkdown } from '../features/export/conversation-markdown';
import { createExportApi, createExportStreams } from '../features/export/export-api';
import { searchConversations } from '../features/search/search-conversations';
import type { BlobStore } from '../lib/storage/blob-store';
import type { FeaturesApi, FeaturesStreams } from '../protocol/features';
import type { WorkerContext, WorkerParts } from '../protocol/worker-context';
import { AppError } from '../lib/errors';
import { openStorage } from './open-storage';

/** `health` is the worker host's to answer. */
export type FeaturesCalls = Omit<FeaturesApi, 'health'>;

const databaseToken = createToken<Database>('database');
const blobStoreToken = createToken<BlobStore>('blob-store');
const callsToken = createToken<FeaturesCalls>('features');
const streamsToken = createToken<FeaturesStreams>('exports');

/** @throws AppError `storage.unavailable` where the browser's database does not open. */
export async function composeFeatures(
  context: WorkerContext,
): Promise<WorkerParts<FeaturesCalls, FeaturesStreams>> {
  const { database, blobs, kept } = await openStorage();
  const container = featuresContainer(database, blobs);
  const activity = new Activity();
  return {
    api: kept ? activity.watch(container.get(callsToken)) : refusedCalls(),
    streams: kept ? activity.watchStreams(container.get(streamsToken)) : refusedStreams(),
    services: container.list().map((service) => service.name),
    activity: () => activity.name,
    async dispose() {
      // Nothing in this worker speaks or listens on the bus.
      context.busPort.close();
      await container.dispose();
      database.close();
    },
  };
}

/** The same calls on any database and blob store. */
export function createFeatures(database: Database, blobs: BlobStore): FeaturesCalls & FeaturesStreams {
  const container = featuresContainer(database, blobs);
  return { ...container.get(callsToken), ...container.get(streamsToken) };
}

function featuresContainer(database: Database, blobs: BlobStore): Container {
  const container = new Container().addProvider(factories);
  container.registerValue(databaseToken, database);
  container.registerValue(blobStoreToken, blobs);
  const exporters = container.get(conversationExporterFactory);
  exporters.register('markdown', () => conversationMarkdown);
  exporters.register('json', () => conversationJson);
  container.register(callsToken, (services) => ({
    ...createExportApi({
      database: services.get(databaseToken),
      blobs: services.get(blobStoreToken),
      conversationExporters: services.get(conversationExporterFactory),
    }),
    searchConversations: async (query) =>
      searchConversations(await services.get(databaseToken).getAll('conversations'), query),
  }));
  container.register(streamsToken, (services) =>
    createExportStreams({
      database: services.get(databaseToken),
      blobs: services.get(blobStoreToken),
      conversationExporters: services.get(conversationExporterFactory),
    }),
  );
  return container;
}

/** What the other workers made is in their memory, out of reach: to say so is better than "there is no such adapter". */
function refusal(): AppError {
  return new AppError(
    'storage.unavailable',
    'The browser refuses storage on this page; files and search need it.',
    {
      remedy: 'Leave private browsing or allow site data, and reload. Until then nothing can be taken away.',
    },
  );
}

function refusedStreams(): FeaturesStreams {
  return {
    exportWeights: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(refusal()) }) }),
  };
}

function refusedCalls(): FeaturesCalls {
  const refuse = (): Promise<never> => Promise.reject(refusal());
  return {
    exportAdapter: refuse,
    exportOptions: refuse,
    exportConversation: refuse,
    exportWorkspace: refuse,
    importWorkspace: refuse,
    searchConversations: refuse,
  };
}

/** Counts the calls under way, for the diagnostics. */
class Activity {
  #running = 0;

  get name(): string {
    return this.#running === 0 ? 'idle' : 'exporting';
  }

  watch(calls: FeaturesCalls): FeaturesCalls {
    return {
      exportAdapter: (...input) => this.#during(calls.exportAdapter(...input)),
      exportOptions: (...input) => this.#during(calls.exportOptions(...input)),
      exportConversation: (...input) => this.#during(calls.exportConversation(...input)),
      exportWorkspace: (...input) => this.#during(calls.exportWorkspace(...input)),
      importWorkspace: (...input) => this.#during(calls.importWorkspace(...input)),
      searchConversations: (...input) => this.#during(calls.searchConversations(...input)),
    };
  }

  watchStreams(streams: FeaturesStreams): FeaturesStreams {
    return { exportWeights: (...input) => this.#streaming(streams.exportWeights(...input)) };
  }

  async *#streaming<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
    this.#running += 1;
    try {
      yield* items;
    } finally {
      this.#running -= 1;
    }
  }

  async #during<T>(call: Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await call;
    } finally {
      this.#running -= 1;
    }
  }
}
