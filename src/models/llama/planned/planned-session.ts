// One sequence being decoded on plans: which pages it has and how many tokens stand in them. Owns its pages.
import { PAGE_TOKENS, type PagePool } from '../../../engine/planned';
import type { DecodeSession, TokenChoice } from '../../loaded-model';
import { checkRoom } from '../check-room';
import { MAX_PIECE, type PlannedDecoder, type ReadRequest } from './planned-decoder';

export class PlannedSession implements DecodeSession {
  readonly #contextLength: number;
  readonly #pool: PagePool;
  readonly #decoder: PlannedDecoder;
  readonly #onDispose: () => void;
  #pages: number[] = [];
  #length = 0;
  #disposed = false;

  /** @param onDispose tells whoever keeps the decoder that this session no longer needs it. */
  constructor(contextLength: number, pool: PagePool, decoder: PlannedDecoder, onDispose: () => void) {
    this.#contextLength = contextLength;
    this.#pool = pool;
    this.#decoder = decoder;
    this.#onDispose = onDispose;
  }

  get length(): number {
    return this.#length;
  }

  async feed(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    if (tokens.length === 0) return new Float32Array();
    const rest = await this.#readUpToLast(tokens);
    const logits = await this.#decoder.read(this.#next(rest));
    this.#length += rest.length;
    return logits;
  }

  /** @throws RangeError for no tokens: there are no logits to choose from. */
  async feedAndChoose(tokens: readonly number[], choice: TokenChoice): Promise<number> {
    if (tokens.length === 0) throw new RangeError('A token is chosen after another one; none was given.');
    const rest = await this.#readUpToLast(tokens);
    const token = await this.#decoder.choose(this.#next(rest), choice);
    this.#length += rest.length;
    return token;
  }

  truncate(length: number): void {
    this.#length = Math.max(0, Math.min(length, this.#length));
    this.#pool.release(this.#pages.splice(Math.ceil(this.#length / PAGE_TOKENS)));
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.truncate(0);
    this.#onDispose();
  }

  /** Makes room and reads all but the last piece. @returns that piece. */
  async #readUpToLast(tokens: readonly number[]): Promise<readonly number[]> {
    checkRoom(this.#length + tokens.length, this.#contextLength);
    const needed = Math.ceil((this.#length + tokens.length) / PAGE_TOKENS) - this.#pages.length;
    if (needed > 0) this.#pages.push(...(await this.#pool.take(needed)));
    const last = MAX_PIECE * Math.floor((tokens.length - 1) / MAX_PIECE);
    for (let start = 0; start < last; start += MAX_PIECE) {
      await this.#decoder.readPiece(this.#next(tokens.slice(start, start + MAX_PIECE)));
      this.#length += MAX_PIECE;
    }
    return tokens.slice(last);
  }

  #next(tokens: readonly number[]): ReadRequest {
    return { tokens, length: this.#length, pages: this.#pages };
  }
}
