// Finished answers by what was asked, for requests that can only have one answer: greedy or seeded. Memory first, then
// the `responses` store. A cache that fails says so once and gets out of the way: it never fails a request.
import type { Database } from '../core/database';
import type { GenerationRequest } from '../protocol/inference';
import type { WeightStorage } from '../protocol/models';
import { canonicalJson } from './canonical-json';

export interface CachedResponse {
  text: string;
  reason: 'stop' | 'length';
  completionTokens: number;
}

export interface ResponseKeyParts {
  /** SHA-256 of the weights. */
  fingerprint: string;
  adapterId: string | null;
  /** What the weights are kept in. */
  storage: WeightStorage;
  promptIds: readonly number[];
  sampling: GenerationRequest['sampling'];
  maxTokens: number;
  stop: readonly string[];
}

/** True where the same request always gives the same answer. */
export function isDeterministic({ sampling }: Pick<GenerationRequest, 'sampling'>): boolean {
  return sampling.temperature === 0 || sampling.seed !== null;
}

/** SHA-256, hex. What greedy decoding does not read takes no part, so that it does not split equal requests. */
export async function responseKey(parts: ResponseKeyParts): Promise<string> {
  const { temperature, repetitionPenalty } = parts.sampling;
  const sampling = temperature === 0 ? { temperature, repetitionPenalty } : { ...parts.sampling };
  const text = canonicalJson({ ...parts, sampling });
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface ResponseCacheOptions {
  memoryEntries?: number;
  storedEntries?: number;
  now?: () => number;
  warn?: (message: string, error: unknown) => void;
}

export class ResponseCache {
  readonly #database: Database | null;
  readonly #options: Required<ResponseCacheOptions>;
  /** In order of use, the least recent first. */
  readonly #memory = new Map<string, CachedResponse>();
  #warned = false;

  /** @param database null keeps answers in memory only. */
  constructor(database: Database | null, options: ResponseCacheOptions = {}) {
    this.#database = database;
    this.#options = {
      memoryEntries: 100,
      storedEntries: 1000,
      now: Date.now,
      warn: (message, error) => console.warn(message, error),
      ...options,
    };
  }

  async get(key: string): Promise<CachedResponse | null> {
    const remembered = this.#memory.get(key);
    if (remembered !== undefined) {
      this.#remember(key, remembered);
      return remembered;
    }
    const stored = await this.#guard(() => this.#read(key), null);
    if (stored !== null) this.#remember(key, stored);
    return stored;
  }

  async put(key: string, response: CachedResponse): Promise<void> {
    this.#remember(key, response);
    await this.#guard(() => this.#write(key, response), undefined);
  }

  async clear(): Promise<void> {
    this.#memory.clear();
    await this.#database?.clear('responses');
  }

  #remember(key: string, response: CachedResponse): void {
    this.#memory.delete(key);
    this.#memory.set(key, response);
    for (const oldest of this.#memory.keys()) {
      if (this.#memory.size <= this.#options.memoryEntries) return;
      this.#memory.delete(oldest);
    }
  }

  async #read(key: string): Promise<CachedResponse | null> {
    const row = await this.#database?.get('responses', key);
    if (row === undefined) return null;
    await this.#database?.put('responses', { ...row, usedAt: this.#options.now() });
    const { text, reason, completionTokens } = row;
    return { text, reason, completionTokens };
  }

  async #write(key: string, response: CachedResponse): Promise<void> {
    if (this.#database === null) return;
    await this.#database.put('responses', { key, ...response, usedAt: this.#options.now() });
    const surplus = (await this.#database.count('responses')) - this.#options.storedEntries;
    if (surplus <= 0) return;
    const oldest = await this.#database.getAllKeysFromIndex('responses', 'usedAt', undefined, surplus);
    const { store, done } = this.#database.transaction('responses', 'readwrite');
    await Promise.all([...oldest.map((old) => store.delete(old)), done]);
  }

  async #guard<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!this.#warned)
        this.#options.warn('The response cache failed; answers are computed instead.', error);
      this.#warned = true;
      return otherwise;
    }
  }
}
