// The data worker's parts on a stored dataset, in a worker of their own: what the suite has it do, it does as the app would.
import { type Database, openDatabase } from '../../src/core/database';
import { ExampleCache } from '../../src/data/batches/example-cache';
import { CachedExamples } from '../../src/data/caches/cached-examples';
import { tokenCache } from '../../src/data/caches/page-caches';
import type { ValueCache } from '../../src/data/caches/value-cache';
import { createSamplingFactories } from '../../src/data/runtime/sampling-factories';
import { SampleReader } from '../../src/data/storage/sample-reader';
import { libraryTokenizer } from '../../src/lib/text/library-tokenizer';
import { OpfsBlobStore } from '../../src/lib/storage/opfs-blob-store';
import type { BatchPlan, OpenedPlan, TokenBatch } from '../../src/protocol/batches';
import type { DatasetRecord } from '../../src/protocol/datasets';
import type { ModelRecord } from '../../src/protocol/models';
import { BatchPlans } from '../../src/services/batch-plans';
import { findDataset } from '../../src/services/data-service';
import { TextTools } from '../../src/services/text-tools';
import tokenizerJson from '../../public/models/chispa/tokenizer.json?raw';
import tokenizerConfigJson from '../../public/models/chispa/tokenizer_config.json?raw';
import { STORED_ID, storeRows } from './stored-rows';

const MODEL = {
  ...{ id: 'chispa', name: 'Chispa', fingerprint: 'bench' },
  location: { kind: 'blob', folder: 'chispa' },
} as ModelRecord;
export const PLAN: BatchPlan = {
  ...{ datasetId: STORED_ID, modelId: 'chispa', sequenceLength: 128, batchSize: 4 },
  ...{ trainOn: 'all', packing: true, evalShare: 0.01, seed: 7 },
};

/** Milliseconds and what was done in them. */
export interface Spent {
  milliseconds: number;
  bytes: number;
}

export interface Tokenised {
  /** Of the texts, UTF-8. */
  bytes: number;
  libraryMs: number;
  oursMs: number;
}

export class DataRig {
  readonly #database: Database;
  readonly #blobs: OpfsBlobStore;
  readonly #tools: TextTools;
  readonly #plans: BatchPlans;

  private constructor(database: Database, blobs: OpfsBlobStore) {
    this.#database = database;
    this.#blobs = blobs;
    this.#tools = new TextTools(() => Promise.resolve(MODEL), blobs);
    this.#plans = new BatchPlans({
      ...{ findDataset: (id) => findDataset(database, id), blobs, tools: this.#tools },
      ...{ sampling: createSamplingFactories(), beat: () => undefined },
      tokensOf: () => Promise.resolve({ cache: tokenCache(database) }),
      followPlugins: () => Promise.resolve(),
    });
  }

  static async open(): Promise<DataRig> {
    const [database, blobs] = await Promise.all([openDatabase('bench'), OpfsBlobStore.open('bench')]);
    return new DataRig(database, blobs);
  }

  async store(bytes: number): Promise<Pick<DatasetRecord, 'samples' | 'sizeBytes'>> {
    await this.#blobs.write('chispa/tokenizer.json', new Blob([tokenizerJson]));
    await this.#blobs.write('chispa/tokenizer_config.json', new Blob([tokenizerConfigJson]));
    const { samples, sizeBytes } = await storeRows(this.#database, this.#blobs, bytes);
    return { samples, sizeBytes };
  }

  async remove(): Promise<void> {
    for (const folder of [STORED_ID, 'chispa']) await this.#blobs.remove(folder);
    this.#database.close();
    indexedDB.deleteDatabase('bench');
  }

  openPlan(): Promise<OpenedPlan> {
    return this.#plans.openPlan(PLAN);
  }

  trainBatch(planId: string, index: number): Promise<TokenBatch> {
    return this.#plans.trainBatch(planId, index);
  }

  closePlan(planId: string): Promise<void> {
    return this.#plans.closePlan(planId);
  }

  /** Batch after batch, each of rows from anywhere. @returns milliseconds of one. */
  async batchMs(planId: string, count: number): Promise<number> {
    const started = performance.now();
    for (let index = 1; index <= count; index += 1) await this.trainBatch(planId, index);
    return (performance.now() - started) / count;
  }

  /** Every sample, read and thrown away. */
  async readAll(): Promise<Spent> {
    const reader = await this.#reader();
    const started = performance.now();
    let bytes = 0;
    for (let sample = 0; sample < reader.count; sample += 1) {
      await reader.read(sample);
      bytes += reader.bytesOf(sample);
    }
    return { milliseconds: performance.now() - started, bytes };
  }

  /** Samples from `first` on as a run's pass makes them: read, tokenised, masked; kept nowhere unless `kept`. */
  async tokenise(first: number, count: number, kept = false): Promise<Spent> {
    const tokens = kept ? tokenCache(this.#database) : null;
    const { examples, source } = await this.#slice(first, count, tokens);
    const started = performance.now();
    let bytes = 0;
    for await (const { sample } of examples.inOrder()) bytes += source.bytesOf(sample);
    await tokens?.waitForPendingWrites();
    return { milliseconds: performance.now() - started, bytes };
  }

  /** The same slice by us and by the library alone, which gets the texts as they are, in turns. */
  async compare(first: number, count: number, turns: number): Promise<Tokenised> {
    const reader = await this.#reader();
    const texts: string[] = [];
    for (let i = 0; i < count; i += 1) {
      const sample = await reader.read(first + i);
      if (sample.kind === 'text') texts.push(sample.text);
    }
    const library = libraryTokenizer(
      JSON.parse(tokenizerJson) as Record<string, unknown>,
      JSON.parse(tokenizerConfigJson) as Record<string, unknown>,
      'BPE',
    );
    const bytes = texts.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0);
    let [libraryMs, oursMs] = [Infinity, Infinity];
    for (let turn = 0; turn < turns; turn += 1) {
      const started = performance.now();
      for (const text of texts) library.encode(text, { add_special_tokens: false });
      libraryMs = Math.min(libraryMs, performance.now() - started);
      oursMs = Math.min(oursMs, (await this.tokenise(first, count)).milliseconds);
    }
    return { bytes, libraryMs, oursMs };
  }

  async #slice(first: number, count: number, tokens: ValueCache | null) {
    const reader = await this.#reader();
    const source = {
      count,
      leftOut: reader.leftOut,
      read: (sample: number) => reader.read(first + sample),
      bytesOf: (sample: number) => reader.bytesOf(first + sample),
    };
    const kept = tokens === null ? null : { cache: tokens, datasetId: STORED_ID };
    const encoder = await this.#tools.encoderFor('chispa');
    const memory = new ExampleCache(0);
    return {
      source,
      examples: new CachedExamples({ source, encoder, trainOn: 'all', memory, kept }),
    };
  }

  async #reader(): Promise<SampleReader> {
    return SampleReader.open(await findDataset(this.#database, STORED_ID), this.#blobs);
  }
}
