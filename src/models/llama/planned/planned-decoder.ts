// Reading tokens with one set of weights: plans for few sizes of batch and of cache, made when first needed. All sessions
// over these weights share it; single tokens that several of them ask for at once are one replay. Owns its plans and input
// arrays; pages and weights belong to others.
import { nextEventTurn } from '../../../lib/async/event-turn';
import {
  aligned,
  externalValue,
  PAGE_TOKENS,
  NO_POSITION,
  Plan,
  Tape,
  type BufferRange,
  type PagePool,
  type PlanDevice,
  type Value,
} from '../../../engine/planned';
import type { LlamaConfig } from '../llama-config';
import { recordLogits, type CachedInputs, type DecoderParameters } from './record-decoder';
import { RopeBuffers } from './rope-buffers';

/** Tokens of a plan that reads a piece of one sequence. */
const PIECES = [16, 64, 256] as const;
/** Sequences of a plan that reads one token of each. */
const BATCHES = [1, 2, 4, 8] as const;
export const MAX_PIECE = 256;
const MAX_BATCH = 8;

export interface DecoderParts {
  owner: PlanDevice;
  config: LlamaConfig;
  pool: PagePool;
  weights: DecoderParameters;
  /** Where the weights live; null for other values. */
  rangeOf: (value: Value) => BufferRange | null;
}

/** Tokens of one sequence that follow the `length` it has; its pages have room for them. */
export interface ReadRequest {
  tokens: readonly number[];
  length: number;
  pages: readonly number[];
}

interface WaitingRead extends ReadRequest {
  resolve: (logits: Float32Array<ArrayBuffer>) => void;
  reject: (error: unknown) => void;
}

interface PlanSize {
  tokens: number;
  sequences: number;
  pages: number;
}

interface SizedPlan extends PlanSize {
  plan: Plan;
  poolGeneration: number;
  buffer: GPUBuffer;
  ranges: ReadonlyMap<Value, BufferRange>;
  inputs: CachedInputs;
  /** The inputs as they lie in the buffer, to be written at once. */
  staging: Uint32Array<ArrayBuffer>;
  logits: Value;
}

const smallest = (sizes: readonly number[], least: number): number =>
  sizes.find((size) => size >= least) ?? least;

export class PlannedDecoder {
  readonly #parts: DecoderParts;
  readonly #plans = new Map<string, SizedPlan>();
  readonly #ropes = new Map<number, RopeBuffers>();
  #waiting: WaitingRead[] = [];

  constructor(parts: DecoderParts) {
    this.#parts = parts;
  }

  /** A piece of a sequence, 1 to MAX_PIECE tokens; its logits are not asked for. */
  async readPiece(request: ReadRequest): Promise<void> {
    const { tokens, pages } = request;
    const size = { tokens: smallest(PIECES, tokens.length), sequences: 1, pages: pages.length };
    const plan = await this.#planFor(size);
    this.#write(plan, [request]);
    plan.plan.run();
  }

  /** A piece and the logits after its last token. @returns [vocabulary] */
  async read(request: ReadRequest): Promise<Float32Array<ArrayBuffer>> {
    if (request.tokens.length === 1) return this.#readTogether(request);
    const { tokens, pages } = request;
    const size = { tokens: smallest(PIECES, tokens.length), sequences: 1, pages: pages.length };
    return this.#logitsOf(await this.#planFor(size), [request]);
  }

  dispose(): void {
    for (const { plan, buffer } of this.#plans.values()) {
      plan.dispose();
      this.#parts.owner.memory.free(buffer);
    }
    this.#plans.clear();
    for (const rope of this.#ropes.values()) rope.dispose();
    this.#ropes.clear();
  }

  #readTogether(request: ReadRequest): Promise<Float32Array<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...request, resolve, reject });
      if (this.#waiting.length === 1) void this.#serve();
    });
  }

  /** Everyone who asks in this turn of events is served by the same replay. */
  async #serve(): Promise<void> {
    await nextEventTurn();
    const all = this.#waiting;
    this.#waiting = [];
    for (let start = 0; start < all.length; start += MAX_BATCH) {
      const batch = all.slice(start, start + MAX_BATCH);
      try {
        const sequences = smallest(BATCHES, batch.length);
        const pages = Math.max(...batch.map((read) => read.pages.length));
        const plan = await this.#planFor({ tokens: sequences, sequences, pages });
        const logits = await this.#logitsOf(plan, batch);
        const { vocabSize } = this.#parts.config;
        batch.forEach(({ resolve }, row) =>
          resolve(sequences === 1 ? logits : logits.slice(row * vocabSize, (row + 1) * vocabSize)),
        );
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
  }

  /** Nothing is awaited between writing and running: others use the same arrays. */
  async #logitsOf(sized: SizedPlan, reads: readonly ReadRequest[]): Promise<Float32Array<ArrayBuffer>> {
    this.#write(sized, reads);
    return new Float32Array(await sized.plan.runAndRead(sized.ranges.get(sized.logits) as BufferRange));
  }

  /** Several sequences with a token each, or one with a piece. */
  #write(
    { inputs, ranges, staging, tokens, sequences, pages, buffer }: SizedPlan,
    reads: readonly ReadRequest[],
  ): void {
    const at = (value: Value): number => (ranges.get(value)?.offset ?? 0) / 4;
    const [ids, positions, table] = [at(inputs.ids), at(inputs.positions), at(inputs.pageTable)];
    staging.fill(NO_POSITION, positions, positions + tokens);
    let token = 0;
    reads.forEach((read, row) => {
      read.tokens.forEach((id, i) => {
        staging[ids + token] = id;
        staging[positions + token] = read.length + i;
        staging[at(inputs.sequences) + token] = row;
        token += 1;
      });
      staging[at(inputs.last) + row] = token - 1;
      read.pages.forEach((page, i) => (staging[table + row * pages + i] = page));
    });
    // Places that stand for no sequence have no position either.
    for (let row = reads.length; row < sequences; row += 1) staging[at(inputs.last) + row] = 0;
    this.#parts.owner.memory.write({ buffer, offset: 0, bytes: staging.byteLength }, staging);
  }

  async #planFor(size: PlanSize): Promise<SizedPlan> {
    const { pool, config } = this.#parts;
    const most = Math.ceil(config.contextLength / PAGE_TOKENS);
    const pages = Math.min(most, 4 ** Math.ceil(Math.log(Math.max(4, size.pages)) / Math.log(4)));
    const key = `${size.tokens}/${size.sequences}/${pages}`;
    const known = this.#plans.get(key) ?? (await this.#compile({ ...size, pages }));
    this.#plans.set(key, known);
    if (known.poolGeneration !== pool.generation) {
      known.plan.rebind();
      known.poolGeneration = pool.generation;
    }
    return known;
  }

  async #compile(size: PlanSize): Promise<SizedPlan> {
    const { tokens, sequences, pages } = size;
    const { owner, config, pool, weights, rangeOf } = this.#parts;
    const inputs: CachedInputs = {
      ids: externalValue('ids', [tokens]),
      positions: externalValue('positions', [tokens]),
      pageTable: externalValue('page table', [sequences, pages]),
      sequences: externalValue('sequences', [tokens]),
      last: externalValue('last', [sequences]),
    };
    const logits = externalValue('logits', [sequences, config.vocabSize]);
    const rope = await this.#ropeFor(pages * PAGE_TOKENS);
    const { buffer, ranges, inputBytes } = await this.#allocate(inputs, logits);
    const tape = new Tape(owner.recorder(), true);
    recordLogits(tape, config, weights, inputs, rope.tables, pool, logits);
    const plan = await Plan.compile(owner, tape.recorder.finish(), (value) => {
      const range = ranges.get(value) ?? rope.rangeOf(value) ?? pool.rangeOf(value) ?? rangeOf(value);
      if (range === null) throw new Error(`${value.name} has no memory.`);
      return range;
    });
    const staging = new Uint32Array(inputBytes / 4);
    return { ...size, plan, poolGeneration: pool.generation, buffer, ranges, inputs, staging, logits };
  }

  async #allocate(inputs: CachedInputs, logits: Value) {
    const ranges = new Map<Value, BufferRange>();
    const values = [...Object.values<Value>({ ...inputs }), logits];
    const bytes = values.reduce((sum, value) => sum + aligned(value.bytes), 0);
    const buffer = await this.#parts.owner.memory.allocate(bytes, 'tokens to read');
    let offset = 0;
    for (const value of values) {
      ranges.set(value, { buffer, offset, bytes: value.bytes });
      offset += aligned(value.bytes);
    }
    return { buffer, ranges, inputBytes: bytes - aligned(logits.bytes) };
  }

  async #ropeFor(positions: number): Promise<RopeBuffers> {
    const { owner, config } = this.#parts;
    const rope = this.#ropes.get(positions) ?? (await RopeBuffers.allocate(owner, config, positions));
    this.#ropes.set(positions, rope);
    return rope;
  }
}
