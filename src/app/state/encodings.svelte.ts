// The encodings of this visit, dataset by dataset: they go on when the screen is left. Vectors stay with the data worker.
import { SvelteMap } from 'svelte/reactivity';
import type { DatasetRecord } from '../../protocol/datasets';
import type { EncodingProgress, EncodingStreams } from '../../protocol/encoding';
import type { ModelRecord } from '../../protocol/models';

export interface EncodingsClient {
  encodeDataset(
    ...args: [...Parameters<EncodingStreams['encodeDataset']>, signal?: AbortSignal]
  ): ReturnType<EncodingStreams['encodeDataset']>;
}

export class EncodingsState {
  readonly #client: EncodingsClient;
  readonly #progress = new SvelteMap<string, EncodingProgress | null>();
  readonly #failures = new SvelteMap<string, unknown>();
  readonly #finished = new SvelteMap<string, number>();
  readonly #stops = new SvelteMap<string, AbortController>();

  constructor(client: EncodingsClient) {
    this.#client = client;
  }

  /** null before the first is told; undefined where it is not being encoded. */
  progressOf(datasetId: string): EncodingProgress | null | undefined {
    return this.#progress.get(datasetId);
  }
  /** Why the last one failed; null where it did not. */
  failureOf(datasetId: string): unknown {
    return this.#failures.get(datasetId) ?? null;
  }
  /** How many ended, however they did: vectors are asked about anew. */
  finishedOf(datasetId: string): number {
    return this.#finished.get(datasetId) ?? 0;
  }

  /** Never throws: its failure is kept. Stopped, what was made is kept as well. */
  async encode(datasetId: string, modelId: string): Promise<void> {
    if (this.#stops.has(datasetId)) return;
    const stop = new AbortController();
    this.#stops.set(datasetId, stop);
    this.#failures.delete(datasetId);
    this.#progress.set(datasetId, null);
    try {
      for await (const progress of this.#client.encodeDataset(datasetId, modelId, stop.signal))
        this.#progress.set(datasetId, progress);
    } catch (error) {
      if (!stop.signal.aborted) this.#failures.set(datasetId, error);
    } finally {
      this.#stops.delete(datasetId);
      this.#progress.delete(datasetId);
      this.#finished.set(datasetId, this.finishedOf(datasetId) + 1);
    }
  }

  stop(datasetId: string): void {
    this.#stops.get(datasetId)?.abort();
  }

  /** After a build: by the encoder that is configured, unless vectors are only made when they are asked for. */
  async encodeBuilt(dataset: DatasetRecord, models: readonly ModelRecord[]): Promise<void> {
    const encoder = configuredEncoder(dataset, models);
    if (encoder !== null && dataset.training?.onDemand !== true) await this.encode(dataset.id, encoder.id);
  }
}

/** Those that make vectors of pictures. */
export const readsPictures = ({ task }: ModelRecord): boolean => task === 'vision';

export const makesVectors = ({ task }: ModelRecord): boolean => task === 'embedding';

/** The id or the name that its configuration has. */
export const wantedEncoder = ({ training, pictures }: DatasetRecord): string | null =>
  (training?.encoder ?? pictures?.features?.encoder)?.trim() ?? null;

/** null where none is configured or it is not installed. */
export function configuredEncoder(
  dataset: DatasetRecord,
  models: readonly ModelRecord[],
): ModelRecord | null {
  const wanted = wantedEncoder(dataset);
  const encoders = models.filter(dataset.pictures === undefined ? makesVectors : readsPictures);
  return encoders.find(({ id }) => id === wanted) ?? encoders.find(({ name }) => name === wanted) ?? null;
}
