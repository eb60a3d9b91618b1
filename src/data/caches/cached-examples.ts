// The samples of a dataset as tokens: from memory, from the token cache, or made now. Long samples are kept each as a value
// of its own. Short ones are kept by the block, since to find one alone takes as long as to tokenise it: a pass in order
// reads them back, a single one that memory has forgotten is made again.
import { sha256 } from 'hash-wasm';
import { hasCode } from '../../lib/errors';
import type { BatchPlan } from '../../protocol/batches';
import type { Sample } from '../../protocol/datasets';
import type { ExampleCache } from '../batches/example-cache';
import type { ExampleEncoder } from '../examples/example-encoder';
import { type Encoded, examplesFromBytes, examplesToBytes } from './example-bytes';
import type { ValueCache } from './value-cache';

export interface SampleList {
  readonly count: number;
  readonly leftOut: ReadonlySet<number>;
  read(index: number): Promise<Sample>;
}

/** Where tokens outlive the session, and how. */
export interface KeptTokens {
  cache: ValueCache;
  /** Whose they are. */
  datasetId: string;
  /** What is there is used, nothing is added. */
  readOnly?: boolean;
  compress?: boolean;
  /** Values that are written at once. */
  writeBatchSize?: number;
}

export interface CachedExamplesParts {
  source: SampleList;
  encoder: ExampleEncoder;
  trainOn: BatchPlan['trainOn'];
  memory: ExampleCache;
  /** null keeps nothing beyond memory. */
  kept: KeptTokens | null;
  /** Called now and then while much is tokenised: other calls of the worker go first. */
  pause?: () => Promise<void>;
}

/** A sample with what it is known by. */
interface Entry {
  sample: number;
  content: Sample;
  text: string;
}

/** Samples that are kept as one value. */
type Group = readonly Entry[];

/** Of one pass over a dataset, in order of the samples. */
export interface EncodedSample {
  sample: number;
  example: Encoded;
}

const BLOCK_SAMPLES = 128;
/** Characters of a block at most, unless one sample has more. */
const BLOCK_LENGTH = 1 << 20;
/** Characters from which on a sample is a value of its own. */
const LONG = 2048;
/** Characters tokenised between two pauses: about 15 ms. */
const PAUSE_LENGTH = 16 << 10;

export class CachedExamples {
  readonly #parts: CachedExamplesParts;
  #sincePause = 0;

  constructor(parts: CachedExamplesParts) {
    this.#parts = parts;
  }

  /** All that are not left out, once. What was made is kept; errors of keeping are the cache's. */
  async *inOrder(): AsyncGenerator<EncodedSample> {
    const { count, leftOut } = this.#parts.source;
    let [block, length]: [Entry[], number] = [[], 0];
    for (let sample = 0; sample < count; sample++) {
      if (leftOut.has(sample)) continue;
      const entry = await this.#entry(sample).catch(damagedAsNull);
      if (entry === null) {
        yield { sample, example: 'unreadable' };
        continue;
      }
      block.push(entry);
      length += entry.text.length;
      if (block.length < BLOCK_SAMPLES && length < BLOCK_LENGTH) continue;
      yield* await this.#encodeBlock(block);
      [block, length] = [[], 0];
    }
    yield* await this.#encodeBlock(block);
  }

  async read(sample: number): Promise<Encoded> {
    const { memory } = this.#parts;
    const remembered = memory.get(sample);
    if (remembered !== null) return remembered;
    const entry = await this.#entry(sample);
    if (!isLong(entry)) return this.#remember(sample, this.#encode(entry));
    const [encoded] = await this.#encodeBlock([entry]);
    return encoded?.example ?? this.#encode(entry);
  }

  /** As `read`, where a row that is damaged is one more that takes no part. */
  async readOrDrop(sample: number): Promise<Encoded> {
    return (await this.read(sample).catch(damagedAsNull)) ?? 'unreadable';
  }

  /** Of memory only. */
  forget(): void {
    this.#parts.memory.clear();
  }

  async #entry(sample: number): Promise<Entry> {
    const content = await this.#parts.source.read(sample);
    return { sample, content, text: JSON.stringify(content) };
  }

  async #encodeBlock(block: readonly Entry[]): Promise<EncodedSample[]> {
    const groups: Group[] = block.filter(isLong).map((entry) => [entry]);
    const short = block.filter((entry) => !isLong(entry));
    if (short.length > 0) groups.push(short);
    const keys = await Promise.all(groups.map((group) => this.#keyOf(group)));
    const stored = (await this.#parts.kept?.cache.read(keys.map((key) => key ?? ''))) ?? [];
    const made = new Map<string, Encoded>();
    const encoded: EncodedSample[] = [];
    for (const [i, group] of groups.entries()) {
      const examples = await this.#encodeGroup(group, keys[i] ?? null, stored[i] ?? null, made);
      group.forEach(({ sample }, k) => {
        const example = examples[k];
        if (example !== undefined) encoded.push({ sample, example: this.#remember(sample, example) });
      });
    }
    return encoded.sort((a, b) => a.sample - b.sample);
  }

  /** @param made in this block, by text: what stands in it twice is tokenised once. */
  async #encodeGroup(
    group: Group,
    key: string | null,
    stored: Uint8Array<ArrayBuffer> | null,
    made: Map<string, Encoded>,
  ): Promise<Encoded[]> {
    const known = stored === null ? null : examplesFromBytes(stored, group.length);
    if (known !== null) return known;
    const examples: Encoded[] = [];
    for (const entry of group) {
      const example = made.get(entry.text) ?? this.#encode(entry);
      made.set(entry.text, example);
      examples.push(example);
      await this.#rest(entry.text.length);
    }
    const { kept } = this.#parts;
    if (kept === null || key === null || kept.readOnly === true) return examples;
    const { cache, datasetId, compress = false, writeBatchSize: batchSize } = kept;
    if (stored !== null) await cache.forget(key);
    const value = { key, datasetId, bytes: examplesToBytes(examples), compress };
    await cache.write(batchSize === undefined ? value : { ...value, batchSize });
    return examples;
  }

  #encode({ content }: Entry): Encoded {
    try {
      return this.#parts.encoder.encode(content, this.#parts.trainOn);
    } catch {
      // One sample that a tokenizer or a template fails on ends no run: it is counted.
      return 'not-encoded';
    }
  }

  #remember(sample: number, example: Encoded): Encoded {
    if (typeof example !== 'string') this.#parts.memory.put(sample, example);
    return example;
  }

  /** null where nothing is kept. A text is learnt whole whatever the plan says of answers. */
  async #keyOf(group: Group): Promise<string | null> {
    const { kept, encoder, trainOn } = this.#parts;
    if (kept === null || encoder.revision === null) return null;
    const rule = group.every(({ content }) => content.kind === 'text') ? 'all' : trainOn;
    return sha256([encoder.revision, rule, ...group.map(({ text }) => text)].join('\n'));
  }

  async #rest(length: number): Promise<void> {
    this.#sincePause += length;
    if (this.#sincePause < PAUSE_LENGTH) return;
    this.#sincePause = 0;
    await this.#parts.pause?.();
  }
}

/** A damaged row is one sample less; a lost file is an error. */
function damagedAsNull(error: unknown): null {
  if (hasCode(error, 'dataset.bad-line')) return null;
  throw error;
}

function isLong({ text }: Entry): boolean {
  return text.length >= LONG;
}
