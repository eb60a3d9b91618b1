// A LoadedModel without weights, for tests: one token per character code, and logits that depend on EVERY token that
// the session holds, so that a wrong prefix gives a wrong answer. Token 0 ends an answer.
import { uniformAt } from '../../lib/random';
import type { Tokenizer } from '../../lib/text/tokenizer';
import type { DecodeSession, LoadedAdapter, LoadedModel } from '../../models/loaded-model';
import type { TrainableModel } from '../../models/trainable-model';
import type { AdapterRecord, ModelRecord, WeightStorage } from '../../protocol/models';

export const TOY_VOCABULARY = 128;

export const toyModelRecord: ModelRecord = {
  id: 'toy',
  name: 'Toy',
  family: 'llama',
  parameters: 2,
  sizeBytes: 8,
  dtype: 'F32',
  contextLength: 40,
  license: null,
  origin: 'imported',
  fingerprint: 'f'.repeat(64),
  location: { kind: 'blob', folder: 'models/toy' },
  installedAt: 0,
};

export const toyTokenizer: Tokenizer = {
  vocabSize: TOY_VOCABULARY,
  bosTokenId: 1,
  eosTokenId: 0,
  encode: (text) => Array.from(text, (character) => character.charCodeAt(0) % TOY_VOCABULARY),
  decode: (ids) => ids.map((id) => (id === 0 ? '' : String.fromCharCode(id))).join(''),
  tokenToId: () => null,
  createDecodeStream: () => ({ push: (id) => String.fromCharCode(id), flush: () => '' }),
};

export class ToySession implements DecodeSession {
  tokens: number[] = [];
  /** Sizes of the pieces it was fed. */
  readonly feeds: number[] = [];
  disposed = false;

  constructor(
    readonly next: (tokens: readonly number[]) => number | null,
    readonly salt: () => number,
  ) {}

  get length(): number {
    return this.tokens.length;
  }

  feed(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    this.tokens.push(...tokens);
    this.feeds.push(tokens.length);
    const logits = new Float32Array(TOY_VOCABULARY).fill(-20);
    const scripted = this.next(this.tokens);
    if (scripted !== null) logits[scripted] = 5;
    else
      for (let letter = 97; letter < 123; letter += 1) logits[letter] = 4 * uniformAt(this.#hash(), letter);
    return Promise.resolve(logits);
  }

  truncate(length: number): void {
    this.tokens = this.tokens.slice(0, length);
  }

  dispose(): void {
    this.disposed = true;
  }

  #hash(): number {
    return this.tokens.reduce((hash, token) => Math.imul(hash, 31) + token, this.salt()) >>> 0;
  }
}

export interface ToyLoadedModel extends LoadedModel {
  readonly sessions: ToySession[];
  readonly state: { disposed: boolean };
}

export interface ToyOptions {
  /** The next token from all before; null draws a letter that depends on them. */
  next?: (tokens: readonly number[]) => number | null;
  record?: ModelRecord;
  storage?: WeightStorage;
  training?: () => TrainableModel;
}

export function createToyModel({
  next = () => null,
  record = toyModelRecord,
  storage = 'f32',
  training,
}: ToyOptions = {}): ToyLoadedModel {
  const sessions: ToySession[] = [];
  const state = { disposed: false };
  const open = (salt: () => number): ToySession => {
    const session = new ToySession(next, salt);
    sessions.push(session);
    return session;
  };
  const createTraining = (): Promise<TrainableModel> => {
    if (training === undefined) throw new Error('this toy does not train');
    return Promise.resolve(training());
  };
  return {
    record,
    storage,
    storageError: storage === 'f32' ? null : { worst: 0.1, worstTensor: 'toy.weight', mean: 0.05 },
    vocabSize: TOY_VOCABULARY,
    contextLength: record.contextLength,
    stopTokenIds: [0],
    tokenizer: toyTokenizer,
    chatTemplate: null,
    attachAdapter: (adapter: AdapterRecord): Promise<LoadedAdapter> =>
      Promise.resolve({ record: adapter, dispose: () => undefined }),
    createSession: (adapter) => open(() => (adapter === null ? 7 : 8)),
    // Other weights after each step.
    createTrainingSession: (trained) => open(() => 9 + trained.appliedSteps),
    createLoraTraining: createTraining,
    createFullTraining: createTraining,
    dispose: () => void (state.disposed = true),
    sessions,
    state,
  };
}

/** Writes `answer` after a prompt of that length, then ends. */
export const scriptedAnswer =
  (promptLength: number, answer: string) =>
  (tokens: readonly number[]): number =>
    answer.charCodeAt(tokens.length - promptLength) || 0;
