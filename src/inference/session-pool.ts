// Decode sessions that are kept with the tokens whose keys and values they hold, so that the next request of a
// conversation computes only what is new: the session with the longest common prefix is taken and cut back to it.
// The pool owns its sessions; it drops the least recently used one, and all of a model's when that is unloaded.
import type { DecodeSession, LoadedAdapter, LoadedModel } from '../models/loaded-model';

/** A session with the tokens it has seen. Lent to one request at a time. */
export interface KeptSession {
  readonly model: LoadedModel;
  readonly adapter: LoadedAdapter | null;
  readonly session: DecodeSession;
  tokens: number[];
  usedAt: number;
  lent: boolean;
}

export function commonPrefixLength(a: readonly number[], b: readonly number[]): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) length += 1;
  return length;
}

export class SessionPool {
  readonly #capacity: number;
  #kept: KeptSession[] = [];
  #uses = 0;

  /** @param capacity sessions kept at most; each holds keys and values for up to a whole context. */
  constructor(capacity = 3) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#kept.length;
  }

  /**
   * A session for these tokens, cut back to the prefix they share; what other sessions hold of the rest it takes over
   * where it can. At least the last token is left to be fed, since
   * its logits are what the next token is drawn from. Hand it back with `release`.
   */
  borrow(model: LoadedModel, adapter: LoadedAdapter | null, tokens: readonly number[]): KeptSession {
    const free = this.#kept.filter((kept) => !kept.lent && kept.model === model && kept.adapter === adapter);
    const shared = (kept: KeptSession): number => commonPrefixLength(kept.tokens, tokens);
    const best = free.reduce<KeptSession | null>(
      (found, kept) => (found === null || shared(kept) > shared(found) ? kept : found),
      null,
    );
    const chosen = best !== null && (shared(best) > 0 || this.#full()) ? best : this.#open(model, adapter);
    const keep = Math.min(shared(chosen), tokens.length - 1);
    chosen.session.truncate(keep);
    const reused = chosen.session.reuse?.(tokens.slice(keep, -1)) ?? 0;
    chosen.tokens = tokens.slice(0, keep + reused);
    chosen.lent = true;
    return chosen;
  }

  release(kept: KeptSession): void {
    kept.lent = false;
    kept.usedAt = this.#uses += 1;
    this.#evict();
  }

  /** For a session whose state is unknown, after an error. */
  discard(kept: KeptSession): void {
    this.#kept = this.#kept.filter((other) => other !== kept);
    kept.session.dispose();
  }

  /** Before a model or one of its adapters goes. */
  drop(model: LoadedModel, adapter?: LoadedAdapter): void {
    for (const kept of [...this.#kept]) {
      if (kept.model === model && (adapter === undefined || kept.adapter === adapter)) this.discard(kept);
    }
  }

  dispose(): void {
    for (const kept of [...this.#kept]) this.discard(kept);
  }

  #full(): boolean {
    return this.#kept.length >= this.#capacity;
  }

  #open(model: LoadedModel, adapter: LoadedAdapter | null): KeptSession {
    const session = model.createSession(adapter);
    const kept = { model, adapter, session, tokens: [], usedAt: (this.#uses += 1), lent: false };
    this.#kept.push(kept);
    this.#evict(kept);
    return kept;
  }

  #evict(except: KeptSession | null = null): void {
    while (this.#kept.length > this.#capacity) {
      const free = this.#kept.filter((kept) => !kept.lent && kept !== except);
      const oldest = free.sort((a, b) => a.usedAt - b.usedAt)[0];
      if (oldest === undefined) return;
      this.discard(oldest);
    }
  }
}
