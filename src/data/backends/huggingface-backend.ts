// A dataset of the Hugging Face hub as a backend: its split's Parquet files, read by ranges where they lie. Nothing is
// downloaded as a whole and nothing is kept but the list of the files.
import { Pool } from '../../lib/async/pool';
import type { BackendConfigJson } from '../../protocol/backends';
import type { DatasetProblem } from '../../protocol/datasets';
import type { BackendOptions } from './backend-options';
import type { BackendFile, DataBackend, RejectedRows } from './data-backend';
import { locationOf, parseHubDataset, type HubDataset } from './huggingface/hub-dataset';
import { hubRowReader } from './huggingface/hub-rows';
import { HubRequests, type HubEndpoints } from './huggingface/hub-requests';
import { listHubFiles, type HubTable } from './huggingface/list-hub-files';
import { ReadOnlyBackend, type FileFinder } from './read-only-backend';

export const HUGGING_FACE: HubEndpoints = {
  hub: 'https://huggingface.co',
  datasetsServer: 'https://datasets-server.huggingface.co',
};

export interface HuggingFaceOptions extends Omit<BackendOptions, 'folder' | 'blobs'> {
  /** In place of those that follow from the hub's address. */
  endpoints?: HubEndpoints;
}

/** @throws AppError `config.invalid`. */
export function createHuggingFaceBackend(options: HuggingFaceOptions): DataBackend {
  const { config, secrets, hubEndpoint = HUGGING_FACE.hub, fetch, clock, online, retries } = options;
  const endpoints = options.endpoints ?? endpointsOf(hubEndpoint);
  const dataset = parseHubDataset(config);
  const requests = new HubRequests({
    dataset,
    endpoints,
    token: secrets['huggingface_token']?.trim() || null,
    pool: new Pool(dataset.requests),
    fetch,
    clock,
    online,
    retries,
  });
  const description = { id: config.id, type: 'huggingface', location: locationOf(dataset) };
  return new ReadOnlyBackend(description, new HubFiles(requests, dataset, config));
}

/** A mirror answers for the service of datasets as well. */
function endpointsOf(hub: string): HubEndpoints {
  return hub === HUGGING_FACE.hub ? HUGGING_FACE : { hub, datasetsServer: hub };
}

class HubFiles implements FileFinder {
  readonly #requests: HubRequests;
  readonly #dataset: HubDataset;
  readonly rows: FileFinder['rows'];
  #tables: Promise<Map<string, HubTable>> | null = null;
  #partial = false;
  #filtered = 0;

  constructor(requests: HubRequests, dataset: HubDataset, config: BackendConfigJson) {
    this.rows = hubRowReader(config, (rows) => (this.#filtered += rows));
    this.#requests = requests;
    this.#dataset = dataset;
  }

  /** Asks anew. */
  async check(signal: AbortSignal): Promise<void> {
    this.#tables = null;
    await this.#list(signal);
  }

  async *list(signal: AbortSignal): AsyncGenerator<BackendFile> {
    for (const { path, sizeBytes } of (await this.#list(signal)).values()) {
      yield { path, size: sizeBytes, lastModified: null };
    }
  }

  async has(path: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#list(signal)).has(path);
  }

  async find(path: string, signal: AbortSignal): Promise<Blob | null> {
    const table = (await this.#list(signal)).get(path);
    return table === undefined ? null : this.#requests.file(path, table.url, table.sizeBytes, signal);
  }

  problems(): readonly DatasetProblem[] {
    return this.#partial ? [partialProblem(this.#dataset)] : [];
  }

  rejected(): RejectedRows {
    return { filtered: this.#filtered };
  }

  /** Asked for once, unless it failed. */
  #list(signal: AbortSignal): Promise<Map<string, HubTable>> {
    if (this.#tables !== null) return this.#tables;
    const asked = listHubFiles(this.#requests, this.#dataset, signal).then(({ tables, partial }) => {
      this.#partial = partial;
      return new Map(tables.map((table) => [table.path, table]));
    });
    this.#tables = asked;
    asked.catch(() => {
      if (this.#tables === asked) this.#tables = null;
    });
    return asked;
  }
}

/** The hub converts the first 5 GB only. */
const partialProblem = ({ name, split }: HubDataset): DatasetProblem => ({
  code: 'dataset.partial',
  file: name,
  line: null,
  excerpt: split,
  message: `The hub gives only the first part of ${name} as Parquet. Set revision to read the tables of the repository itself.`,
});
