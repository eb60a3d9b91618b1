// The data worker's calls for model repositories on a hub: what they hold, and downloads of models. It keeps no token.
import { StoredDownloadRecords } from '../core/download-records';
import type { Database } from '../core/database';
import { documentsOf } from '../core/documents';
import { Downloader } from '../lib/download/downloader';
import type { TransferClock } from '../lib/download/transfer';
import type { BlobStore } from '../lib/storage/blob-store';
import type { PartialFiles } from '../lib/storage/partial-files';
import type { GgufForm } from '../models/decoder/gguf/gguf-form';
import { HubClient } from '../models/hub/hub-client';
import { HubDownloads, type HubManifests } from '../models/hub/hub-downloads';
import { readModelConfig } from '../models/hub/read-model-config';
import type {
  HubApi,
  HubDownload,
  HubDownloadEvent,
  HubDownloadRequest,
  HubDownloadState,
  HubRepository,
  HubStreams,
} from '../protocol/hub';

export interface HubServiceParts {
  /** Asked for before each call that goes to the hub: its address may have changed. */
  client: () => Promise<HubClient>;
  downloads: HubDownloads;
  beat: () => void;
}

export class HubService implements HubApi, HubStreams {
  readonly #parts: HubServiceParts;

  constructor(parts: HubServiceParts) {
    this.#parts = parts;
  }

  get downloading(): boolean {
    return this.#parts.downloads.running;
  }

  async inspectRepository(address: string, token: string | null): Promise<HubRepository> {
    return (await this.#parts.client()).inspect(address, token);
  }

  async readModelConfig(request: HubDownloadRequest, token: string | null): Promise<string> {
    return readModelConfig(await this.#parts.client(), request, token, ggufForms);
  }

  listDownloads(): Promise<HubDownloadState[]> {
    return this.#parts.downloads.list();
  }

  discardDownload(id: string): Promise<void> {
    return this.#parts.downloads.discard(id);
  }

  async *downloadModel(
    request: HubDownloadRequest,
    token: string | null,
    signal?: AbortSignal,
  ): AsyncGenerator<HubDownloadEvent> {
    const { downloads, beat } = this.#parts;
    const hub = await this.#parts.client();
    for await (const event of downloads.download(request, hub, token, signal)) {
      beat();
      yield event;
    }
  }
}

export interface HubServiceSources {
  database: Database;
  blobs: BlobStore;
  partials: PartialFiles;
  fetch: typeof fetch;
  /** Address of the hub, without a slash at its end: asked for before each call that goes there. */
  endpoint: () => Promise<string>;
  clock: TransferClock;
  online: () => boolean;
  beat: () => void;
}

export function createHubService(sources: HubServiceSources): HubService {
  const { database, blobs, clock, beat, partials, online, endpoint } = sources;
  const records = new StoredDownloadRecords(database);
  const client = async (): Promise<HubClient> =>
    new HubClient({ fetch: sources.fetch, endpoint: await endpoint(), clock, online });
  const downloader = new Downloader({ fetch: sources.fetch, partials, records, clock, online });
  const manifests = storedManifests(database);
  const downloads = new HubDownloads({ downloader, records, manifests, blobs, now: clock.now });
  return new HubService({ client, downloads, beat });
}

function storedManifests(database: Database): HubManifests {
  const documents = documentsOf<HubDownload>(
    database,
    'hub-download',
    (value) => 'choice' in value && 'folder' in value,
  );
  return { ...documents, put: (download) => documents.put(download.id, download) };
}

/** Families bring the engine along, which this worker does without until a GGUF file is looked into. */
async function ggufForms(): Promise<readonly GgufForm[]> {
  const { createModelFamilies } = await import('../models/families');
  return createModelFamilies().ggufForms;
}
