// A plan that reads tokens into the cache, for one number of tokens, sequences and pages: its arrays of input, written at
// once, and what it leaves: logits, chosen tokens, or nothing but the cache. Owns the plan and these arrays.
import {
  aligned,
  compilePlan,
  externalValue,
  NO_ADAPTER,
  NO_POSITION,
  type Plan,
  PAGE_TOKENS,
  SAMPLING_FIELDS,
  Tape,
  writeTokenSettings,
  type BufferRange,
  type PagePool,
  type PlanDevice,
  type Recording,
  type Value,
} from '../../../engine/planned';
import type { TokenChoice } from '../../loaded-model';
import type { DecoderConfig } from '../decoder-config';
import { stackedSite, type AdapterStack } from './adapter-stack';
import {
  recordRead,
  type CachedInputs,
  type DecoderParameters,
  type ReadAdapters,
  type ReadResult,
} from './record-decoder';
import type { RopeBuffers } from './rope-buffers';

export interface DecoderParts {
  owner: PlanDevice;
  config: DecoderConfig;
  pool: PagePool;
  weights: DecoderParameters;
  /** Adapters that single tokens may have, each its own; null where the weights are those of one. */
  stack: AdapterStack | null;
  /** Where the weights live; null for other values. */
  rangeOf: (value: Value) => BufferRange | null;
}

/** Tokens of one sequence that follow the `length` it has; its pages have room for them. */
export interface ReadRequest {
  tokens: readonly number[];
  length: number;
  pages: readonly number[];
  /** Its adapter's slot in the stack, or NO_ADAPTER. */
  adapter: number;
}

export type ReadKind = 'nothing' | 'logits' | 'token';

export interface PlanSize {
  kind: ReadKind;
  tokens: number;
  sequences: number;
  pages: number;
  /** Of the adapters; 0 for a plan without any. */
  rank: number;
}

interface Arrays {
  inputs: CachedInputs;
  /** Of each token's adapter; null for a plan without any. */
  slots: Value | null;
  result: ReadResult;
  /** What is written, in the order of memory: the seen tokens, which are rarely needed, last. */
  written: readonly Value[];
  read: Value | null;
}

function arraysOf({ kind, tokens, sequences, pages, rank }: PlanSize, vocabSize: number): Arrays {
  const inputs: CachedInputs = {
    ids: externalValue('ids', [tokens]),
    positions: externalValue('positions', [tokens]),
    pageTable: externalValue('page table', [sequences, pages]),
    sequences: externalValue('sequences', [tokens]),
    last: externalValue('last', [sequences]),
  };
  const slots = rank === 0 ? null : externalValue('adapters', [tokens]);
  const written = [...Object.values<Value>({ ...inputs }), ...(slots === null ? [] : [slots])];
  if (kind === 'nothing') return { inputs, slots, result: { kind }, written, read: null };
  if (kind === 'logits') {
    const logits = externalValue('logits', [sequences, vocabSize]);
    return { inputs, slots, result: { kind, logits }, written, read: logits };
  }
  const settings = externalValue('sampling', [sequences, SAMPLING_FIELDS]);
  const seen = externalValue('seen tokens', [sequences, pages * PAGE_TOKENS]);
  const chosen = externalValue('chosen tokens', [sequences]);
  const result = { kind, settings, seen, chosen } as const;
  return { inputs, slots, result, written: [...written, settings, seen], read: chosen };
}

export class ReadPlan {
  readonly size: PlanSize;
  readonly #owner: PlanDevice;
  readonly #pool: PagePool;
  readonly #stack: AdapterStack | null;
  readonly #plan: Plan;
  readonly #arrays: Arrays;
  readonly #buffer: GPUBuffer;
  readonly #ranges: ReadonlyMap<Value, BufferRange>;
  readonly #staging: Uint32Array<ArrayBuffer>;
  readonly #view: DataView;
  /** Of pool and stack, when they were bound. */
  #generation: string;

  private constructor(
    { owner, pool, stack }: DecoderParts,
    size: PlanSize,
    plan: Plan,
    arrays: Arrays,
    { buffer, ranges }: Places,
  ) {
    this.size = size;
    this.#owner = owner;
    this.#pool = pool;
    this.#stack = stack;
    this.#plan = plan;
    this.#arrays = arrays;
    this.#buffer = buffer;
    this.#ranges = ranges;
    this.#staging = new Uint32Array(arrays.written.reduce((sum, { bytes }) => sum + aligned(bytes), 0) / 4);
    this.#view = new DataView(this.#staging.buffer);
    this.#generation = this.#places();
  }

  /** @throws AppError `engine.out-of-memory` or `engine.kernel-failed`. */
  static async compile(parts: DecoderParts, size: PlanSize, rope: RopeBuffers): Promise<ReadPlan> {
    const { owner, config, pool, weights, stack, rangeOf } = parts;
    const arrays = arraysOf(size, config.vocabSize);
    const places = await allocate(owner, arrays);
    const { inputs, slots, result } = arrays;
    const adapters = stack === null || slots === null ? null : readAdapters(config, stack, slots, size.rank);
    const record = (): Recording => {
      const tape = new Tape(owner.recorder(), true);
      recordRead(tape, config, weights, inputs, rope.tables, pool, result, adapters);
      return tape.recorder.finish();
    };
    try {
      const plan = await compilePlan(owner, record, (value) => {
        const own = places.ranges.get(value) ?? rope.rangeOf(value);
        const range = own ?? pool.rangeOf(value) ?? stack?.rangeOf(value) ?? rangeOf(value);
        if (range === null) throw new Error(`${value.name} has no memory.`);
        return range;
      });
      return new ReadPlan(parts, size, plan, arrays, places);
    } catch (error) {
      owner.memory.free(places.buffer);
      throw error;
    }
  }

  get dispatches(): number {
    return this.#plan.dispatches;
  }

  /** Several sequences with a token each, or one with a piece. */
  run(reads: readonly ReadRequest[]): void {
    this.#write(reads, null);
    this.#plan.run();
  }

  /** Nothing is awaited between writing and running: others use the same arrays. @returns [sequences, vocabulary] */
  async logits(reads: readonly ReadRequest[]): Promise<Float32Array<ArrayBuffer>> {
    this.#write(reads, null);
    return new Float32Array(await this.#plan.runAndRead(this.#result()));
  }

  /** @param choices one for each read. @returns the token of each sequence. */
  async choose(
    reads: readonly ReadRequest[],
    choices: readonly TokenChoice[],
  ): Promise<Uint32Array<ArrayBuffer>> {
    this.#write(reads, choices);
    return new Uint32Array(await this.#plan.runAndRead(this.#result()));
  }

  dispose(): void {
    this.#plan.dispose();
    this.#owner.memory.free(this.#buffer);
  }

  #places(): string {
    return `${this.#pool.generation}/${this.#stack?.generation ?? 0}`;
  }

  #result(): BufferRange {
    return this.#ranges.get(this.#arrays.read as Value) as BufferRange;
  }

  /** Index of an array's first number. */
  #at(value: Value): number {
    return (this.#ranges.get(value)?.offset ?? 0) / 4;
  }

  #write(reads: readonly ReadRequest[], choices: readonly TokenChoice[] | null): void {
    const places = this.#places();
    if (this.#generation !== places) this.#plan.rebind();
    this.#generation = places;
    this.#writeReads(reads);
    const used = choices === null ? this.#staging.length : this.#writeChoices(choices);
    const data = this.#staging.subarray(0, used);
    this.#owner.memory.write({ buffer: this.#buffer, offset: 0, bytes: data.byteLength }, data);
  }

  #writeReads(reads: readonly ReadRequest[]): void {
    const { inputs, slots } = this.#arrays;
    const staging = this.#staging;
    const { tokens, sequences, pages } = this.size;
    const [ids, positions, table] = [
      this.#at(inputs.ids),
      this.#at(inputs.positions),
      this.#at(inputs.pageTable),
    ];
    const [rows, last] = [this.#at(inputs.sequences), this.#at(inputs.last)];
    // Places that stand for no token have no position, and no sequence's last token is among them.
    staging.fill(NO_POSITION, positions, positions + tokens);
    staging.fill(0, last, last + sequences);
    const adapters = slots === null ? null : this.#at(slots);
    if (adapters !== null) staging.fill(NO_ADAPTER, adapters, adapters + tokens);
    let token = 0;
    reads.forEach((read, row) => {
      if (adapters !== null)
        staging.fill(read.adapter, adapters + token, adapters + token + read.tokens.length);
      read.tokens.forEach((id, i) => {
        staging[ids + token] = id;
        staging[positions + token] = read.length + i;
        staging[rows + token] = row;
        token += 1;
      });
      staging[last + row] = token - 1;
      staging.set(read.pages, table + row * pages);
    });
  }

  /** @returns how much of the staging array is of use. */
  #writeChoices(choices: readonly TokenChoice[]): number {
    const { result } = this.#arrays;
    if (result.kind !== 'token') throw new Error('This plan chooses no tokens.');
    const [settings, seenAt] = [this.#at(result.settings), this.#at(result.seen)];
    const most = result.seen.shape[1] ?? 0;
    let used = seenAt;
    choices.forEach(({ sampling, uniform, seen }, row) => {
      const at = settings + row * SAMPLING_FIELDS;
      writeTokenSettings(this.#view, at, { ...sampling, uniform, seen: seen.size });
      if (sampling.repetitionPenalty === 1) return;
      if (seen.size > most) throw new RangeError(`${seen.size} tokens were seen in a cache of ${most}.`);
      let place = seenAt + row * most;
      for (const id of seen) {
        this.#staging[place] = id;
        place += 1;
      }
      used = place;
    });
    return used;
  }
}

function readAdapters(
  config: DecoderConfig,
  { table, entries, layers }: AdapterStack,
  slots: Value,
  rank: number,
): ReadAdapters {
  return { table, entries, layers, slots, rank, siteOf: (site) => stackedSite(config, site) };
}

interface Places {
  buffer: GPUBuffer;
  ranges: ReadonlyMap<Value, BufferRange>;
}

async function allocate({ memory }: PlanDevice, { written, read }: Arrays): Promise<Places> {
  const values = read === null ? written : [...written, read];
  const bytes = values.reduce((sum, value) => sum + aligned(value.bytes), 0);
  const buffer = await memory.allocate(bytes, 'tokens to read');
  const ranges = new Map<Value, BufferRange>();
  let offset = 0;
  for (const value of values) {
    ranges.set(value, { buffer, offset, bytes: value.bytes });
    offset += aligned(value.bytes);
  }
  return { buffer, ranges };
}
