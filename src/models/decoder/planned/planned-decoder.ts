// Reading tokens with one set of weights: plans for few sizes of batch and of cache, made when first needed. All sessions
// over these weights share it; single tokens that several of them ask for at once are one replay. Owns its plans; pages
// and weights belong to others.
import { nextEventTurn } from '../../../lib/async/event-turn';
import { NO_ADAPTER, PAGE_TOKENS } from '../../../engine/planned';
import type { TokenChoice } from '../../loaded-model';
import { ReadPlan, type DecoderParts, type PlanSize, type ReadKind, type ReadRequest } from './read-plan';
import { RopeBuffers } from './rope-buffers';

export type { DecoderParts, ReadRequest } from './read-plan';

/** Tokens of a plan that reads a piece of one sequence. */
const PIECES = [16, 64, 256] as const;
/** Sequences of a plan that reads one token of each. */
const BATCHES = [1, 2, 4, 8] as const;
export const MAX_PIECE = 256;
const MAX_BATCH = 8;

interface WaitingRead extends ReadRequest {
  resolve: (logits: Float32Array<ArrayBuffer>) => void;
  reject: (error: unknown) => void;
}

interface WaitingChoice extends ReadRequest {
  choice: TokenChoice;
  resolve: (token: number) => void;
  reject: (error: unknown) => void;
}

const smallest = (sizes: readonly number[], least: number): number =>
  sizes.find((size) => size >= least) ?? least;

export class PlannedDecoder {
  readonly #parts: DecoderParts;
  readonly #plans = new Map<string, ReadPlan>();
  readonly #ropes = new Map<number, RopeBuffers>();
  #reads: WaitingRead[] = [];
  #choices: WaitingChoice[] = [];
  #isServing = false;
  /** Sequences of the last replay. */
  #lastBatch = 0;
  #compiling: Promise<unknown> = Promise.resolve();

  constructor(parts: DecoderParts) {
    this.#parts = parts;
  }

  /** A piece of a sequence, 1 to MAX_PIECE tokens; neither logits nor a token are asked for. */
  async readPiece(request: ReadRequest): Promise<void> {
    (await this.#piecePlan('nothing', request)).run([request]);
  }

  /** A piece and the logits after its last token. @returns [vocabulary] */
  async read(request: ReadRequest): Promise<Float32Array<ArrayBuffer>> {
    if (request.tokens.length > 1) return (await this.#piecePlan('logits', request)).logits([request]);
    return new Promise((resolve, reject) => {
      this.#reads.push({ ...request, resolve, reject });
      this.#serveSoon();
    });
  }

  /** A piece and the token that follows. */
  async choose(request: ReadRequest, choice: TokenChoice): Promise<number> {
    if (request.tokens.length > 1) {
      const plan = await this.#piecePlan('token', request);
      return (await plan.choose([request], [choice]))[0] ?? 0;
    }
    return new Promise((resolve, reject) => {
      this.#choices.push({ ...request, choice, resolve, reject });
      this.#serveSoon();
    });
  }

  dispose(): void {
    for (const plan of this.#plans.values()) plan.dispose();
    this.#plans.clear();
    for (const rope of this.#ropes.values()) rope.dispose();
    this.#ropes.clear();
  }

  #serveSoon(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    void this.#serve();
  }

  /**
   * One replay after another; whoever has asked until the next one begins is part of it. A single sequence is not made to
   * wait for others; where there were several, those of the last replay get a turn of events to come back.
   */
  async #serve(): Promise<void> {
    if (this.#lastBatch > 1) await nextEventTurn();
    while (this.#reads.length + this.#choices.length > 0) {
      const choices = this.#choices.splice(0, MAX_BATCH);
      const reads = choices.length > 0 ? [] : this.#reads.splice(0, MAX_BATCH);
      this.#lastBatch = Math.max(choices.length, reads.length);
      await (choices.length > 0 ? this.#serveChoices(choices) : this.#serveReads(reads));
      if (this.#reads.length + this.#choices.length > 0) await nextEventTurn();
    }
    this.#isServing = false;
  }

  async #serveReads(batch: readonly WaitingRead[]): Promise<void> {
    try {
      const plan = await this.#batchPlan('logits', batch);
      const logits = await plan.logits(batch);
      const { vocabSize } = this.#parts.config;
      batch.forEach(({ resolve }, row) =>
        resolve(plan.size.sequences === 1 ? logits : logits.slice(row * vocabSize, (row + 1) * vocabSize)),
      );
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #serveChoices(batch: readonly WaitingChoice[]): Promise<void> {
    try {
      const plan = await this.#batchPlan('token', batch);
      const tokens = await plan.choose(
        batch,
        batch.map(({ choice }) => choice),
      );
      batch.forEach(({ resolve }, row) => resolve(tokens[row] ?? 0));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  #piecePlan(kind: ReadKind, { tokens, pages }: ReadRequest): Promise<ReadPlan> {
    return this.#planFor({
      kind,
      tokens: smallest(PIECES, tokens.length),
      sequences: 1,
      pages: pages.length,
      rank: 0,
    });
  }

  #batchPlan(kind: ReadKind, batch: readonly ReadRequest[]): Promise<ReadPlan> {
    const sequences = smallest(BATCHES, batch.length);
    const pages = Math.max(...batch.map((read) => read.pages.length));
    const hasAdapters = batch.some(({ adapter }) => adapter !== NO_ADAPTER);
    const rank = hasAdapters ? (this.#parts.stack?.rank ?? 0) : 0;
    return this.#planFor({ kind, tokens: sequences, sequences, pages, rank });
  }

  /** Plans are made one after another, each once. */
  async #planFor(size: PlanSize): Promise<ReadPlan> {
    const most = Math.ceil(this.#parts.config.contextLength / PAGE_TOKENS);
    const pages = Math.min(most, 4 ** Math.ceil(Math.log(Math.max(4, size.pages)) / Math.log(4)));
    const key = `${size.kind}/${size.tokens}/${size.sequences}/${pages}/${size.rank}`;
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const plan = this.#compiling.then(() => this.#compile(key, { ...size, pages }));
    this.#compiling = plan.catch(() => undefined);
    return plan;
  }

  async #compile(key: string, size: PlanSize): Promise<ReadPlan> {
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const plan = await ReadPlan.compile(this.#parts, size, await this.#ropeFor(size.pages * PAGE_TOKENS));
    this.#plans.set(key, plan);
    return plan;
  }

  async #ropeFor(positions: number): Promise<RopeBuffers> {
    const { owner, config } = this.#parts;
    const rope = this.#ropes.get(positions) ?? (await RopeBuffers.allocate(owner, config, positions));
    this.#ropes.set(positions, rope);
    return rope;
  }
}
