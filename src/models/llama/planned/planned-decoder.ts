// Reading tokens with one set of weights: plans for few sizes of piece and of cache, made when first needed. All sessions
// over these weights share it. Owns its plans and input arrays; pages and weights belong to others.
import {
  aligned,
  externalValue,
  PAGE_TOKENS,
  NO_POSITION,
  Plan,
  Recorder,
  Tape,
  type BufferRange,
  type PagePool,
  type PlanDevice,
  type Value,
} from '../../../engine/planned';
import type { LlamaConfig } from '../llama-config';
import { recordLogits, type CachedInputs, type DecoderParameters } from './record-decoder';
import { RopeBuffers } from './rope-buffers';

/** Tokens of a plan: one, or a piece of a prompt. */
const PIECES = [1, 16, 64, 256] as const;
export const MAX_PIECE = 256;

export interface DecoderParts {
  owner: PlanDevice;
  config: LlamaConfig;
  pool: PagePool;
  weights: DecoderParameters;
  /** Where the weights live; null for other values. */
  rangeOf: (value: Value) => BufferRange | null;
}

/** A plan with its arrays. */
interface PiecePlan {
  plan: Plan;
  poolGeneration: number;
  tokens: number;
  pages: number;
  buffer: GPUBuffer;
  ranges: ReadonlyMap<Value, BufferRange>;
  inputs: CachedInputs;
  logits: Value;
}

export class PlannedDecoder {
  readonly #parts: DecoderParts;
  readonly #plans = new Map<string, PiecePlan>();
  readonly #ropes = new Map<number, RopeBuffers>();

  constructor(parts: DecoderParts) {
    this.#parts = parts;
  }

  /**
   * Reads tokens of one sequence that follow the `length` it has.
   * @param tokens 1 to MAX_PIECE; @param pages of the sequence, enough for all of them.
   * @returns logits after the last token where they are wanted.
   */
  async read(
    tokens: readonly number[],
    length: number,
    pages: readonly number[],
    wanted: boolean,
  ): Promise<Float32Array<ArrayBuffer> | null> {
    const piece = await this.#planFor(tokens.length, pages.length);
    const { memory } = this.#parts.owner;
    const at = (value: Value): BufferRange => piece.ranges.get(value) as BufferRange;
    const { ids, positions, pageTable, last } = piece.inputs;
    const places = Uint32Array.from({ length: piece.tokens }, (_, i) => tokens[i] ?? 0);
    memory.write(at(ids), places);
    memory.write(
      at(positions),
      places.map((_, i) => (i < tokens.length ? length + i : NO_POSITION)),
    );
    memory.write(
      at(pageTable),
      Uint32Array.from({ length: piece.pages }, (_, i) => pages[i] ?? 0),
    );
    memory.write(at(last), Uint32Array.of(tokens.length - 1));
    piece.plan.run();
    if (!wanted) return null;
    return new Float32Array(await memory.read(at(piece.logits)));
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

  async #planFor(count: number, pageCount: number): Promise<PiecePlan> {
    const { pool, config } = this.#parts;
    const tokens = PIECES.find((size) => size >= count) ?? MAX_PIECE;
    const most = Math.ceil(config.contextLength / PAGE_TOKENS);
    const pages = Math.min(most, 4 ** Math.ceil(Math.log(Math.max(4, pageCount)) / Math.log(4)));
    const key = `${tokens}/${pages}`;
    const known = this.#plans.get(key) ?? (await this.#compile(tokens, pages));
    this.#plans.set(key, known);
    if (known.poolGeneration !== pool.generation) {
      known.plan.rebind();
      known.poolGeneration = pool.generation;
    }
    return known;
  }

  async #compile(tokens: number, pages: number): Promise<PiecePlan> {
    const { owner, config, pool, weights, rangeOf } = this.#parts;
    const inputs: CachedInputs = {
      ids: externalValue('ids', [tokens]),
      positions: externalValue('positions', [tokens]),
      pageTable: externalValue('page table', [1, pages]),
      sequences: externalValue('sequences', [tokens]),
      last: externalValue('last', [1]),
    };
    const logits = externalValue('logits', [1, config.vocabSize]);
    const rope = await this.#ropeFor(pages * PAGE_TOKENS);
    const { buffer, ranges } = await this.#allocate([...Object.values<Value>({ ...inputs }), logits]);
    const tape = new Tape(new Recorder(owner.traits), true);
    recordLogits(tape, config, weights, inputs, rope.tables, pool, logits);
    const plan = await Plan.compile(owner, tape.recorder.finish(), (value) => {
      const range = ranges.get(value) ?? rope.rangeOf(value) ?? pool.rangeOf(value) ?? rangeOf(value);
      if (range === null) throw new Error(`${value.name} has no memory.`);
      return range;
    });
    return { plan, poolGeneration: pool.generation, tokens, pages, buffer, ranges, inputs, logits };
  }

  async #allocate(values: readonly Value[]) {
    const bytes = values.reduce((sum, value) => sum + aligned(value.bytes), 0);
    const buffer = await this.#parts.owner.memory.allocate(bytes, 'tokens to read');
    const ranges = new Map<Value, BufferRange>();
    let offset = 0;
    for (const value of values) {
      ranges.set(value, { buffer, offset, bytes: value.bytes });
      offset += aligned(value.bytes);
    }
    return { buffer, ranges };
  }

  async #ropeFor(positions: number): Promise<RopeBuffers> {
    const { owner, config } = this.#parts;
    const rope = this.#ropes.get(positions) ?? (await RopeBuffers.allocate(owner, config, positions));
    this.#ropes.set(positions, rope);
    return rope;
  }
}
