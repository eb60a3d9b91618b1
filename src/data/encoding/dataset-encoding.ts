// One encoding of a dataset under way: what has no vector yet is handed out in units, and what comes back is kept. Memory holds
// which samples are missing, never what is in them.
import { AppError } from '../../lib/errors';
import type { EncodingCount, EncodingUnit } from '../../protocol/encoding';
import type { ValueCache } from '../caches/value-cache';
import { vectorToBytes } from '../caches/vector-bytes';
import { keptVectors, type KeptVectorsParts } from './kept-vectors';

export interface DatasetEncodingParts extends Omit<KeptVectorsParts, 'readOnly'> {
  /** Whose the vectors are. */
  datasetId: string;
  compress: boolean;
  /** Vectors that are written at once; the inputs of a unit as well. */
  writeBatchSize: number;
}

/** An input that has no vector: the first sample that it stands in, and how many it stands in. */
interface Missing {
  sample: number;
  samples: number;
}

export class DatasetEncoding {
  readonly #parts: DatasetEncodingParts;
  /** By key, in the order of the samples. */
  readonly #missing: Map<string, Missing>;
  readonly #left: Iterator<[string, Missing]>;
  readonly #total: number;
  #done: number;
  #dimensions: number;

  private constructor(parts: DatasetEncodingParts, found: Survey) {
    this.#parts = parts;
    this.#missing = found.missing;
    this.#left = [...found.missing].values();
    this.#total = found.total;
    this.#done = found.done;
    this.#dimensions = found.dimensions;
  }

  static async open(parts: DatasetEncodingParts): Promise<DatasetEncoding> {
    return new DatasetEncoding(parts, await survey(parts));
  }

  get count(): EncodingCount {
    return { total: this.#total, done: this.#done };
  }

  /** Inputs without a vector. */
  get missing(): number {
    return this.#missing.size;
  }

  /** Of its vectors; 0 while there are none. */
  get dimensions(): number {
    return this.#dimensions;
  }

  async next(): Promise<EncodingUnit | null> {
    const keys: string[] = [];
    const samples: number[] = [];
    while (keys.length < this.#parts.writeBatchSize) {
      const next = this.#left.next();
      if (next.done === true) break;
      keys.push(next.value[0]);
      samples.push(next.value[1].sample);
    }
    return keys.length === 0 ? null : { keys, inputs: await this.#parts.source.inputsOf(samples) };
  }

  /** @throws AppError `storage.unavailable` where nothing can be kept any more. */
  async keep(keys: readonly string[], vectors: readonly Float32Array[]): Promise<EncodingCount> {
    const { cache, datasetId, compress, writeBatchSize: batchSize } = this.#parts;
    for (const [i, key] of keys.entries()) {
      const vector = vectors[i];
      const missing = this.#missing.get(key);
      if (vector === undefined || missing === undefined) continue;
      await cache.write({ key, datasetId, bytes: vectorToBytes(vector), compress, batchSize });
      assertKeeps(cache);
      this.#missing.delete(key);
      this.#done += missing.samples;
      this.#dimensions = vector.length;
    }
    return this.count;
  }

  /** @throws AppError `storage.unavailable` with what went wrong while it was written. */
  async close(): Promise<void> {
    await this.#parts.cache.waitForPendingWrites();
  }
}

interface Survey extends EncodingCount {
  missing: Map<string, Missing>;
  dimensions: number;
}

async function survey(parts: DatasetEncodingParts): Promise<Survey> {
  const found: Survey = { total: 0, done: 0, dimensions: 0, missing: new Map() };
  assertKeeps(parts.cache);
  for await (const block of keptVectors({ ...parts, readOnly: false })) {
    for (const { sample, key, vector } of block) {
      found.total += 1;
      const known = found.missing.get(key);
      if (known !== undefined) known.samples += 1;
      else if (vector === null) found.missing.set(key, { sample, samples: 1 });
      else {
        found.done += 1;
        found.dimensions = vector.length;
      }
    }
  }
  return found;
}

/** Vectors that are not kept would be made for nothing. */
function assertKeeps({ off }: ValueCache): void {
  if (off === null) return;
  throw new AppError('storage.unavailable', `Vectors cannot be kept: ${off}`, {
    remedy: 'Make room under Settings and reload the page, or connect the store that they go to, under Data.',
  });
}
