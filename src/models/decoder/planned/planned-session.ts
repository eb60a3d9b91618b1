// One sequence being decoded on plans: which pages it has and how many tokens stand in them. Full pages are shared with
// other sequences that begin with the same tokens, where the weights stay as they are. Owns its pages, and its part in
// those that it shares.
import { NO_ADAPTER, PAGE_TOKENS, type PagePool } from '../../../engine/planned';
import type { DecodeSession, TokenChoice } from '../../loaded-model';
import { checkRoom } from '../check-room';
import { MAX_PIECE, type PlannedDecoder, type ReadRequest } from './planned-decoder';
import type { Block, SharedBlocks } from './shared-blocks';

export interface SessionParts {
  contextLength: number;
  pool: PagePool;
  /** Reads pieces. */
  decoder: PlannedDecoder;
  /** Reads single tokens, together with those of other sequences; their adapters may differ. */
  shared: PlannedDecoder;
  /** The slot of its adapter in the stack of `shared`, made ready first; null where it has none there. */
  slot: (() => Promise<number>) | null;
  /** Of these weights; null where the weights change and nothing may be shared. */
  blocks: SharedBlocks | null;
  /** Tells whoever keeps the decoder that this session no longer needs it. */
  onDispose: () => void;
}

export class PlannedSession implements DecodeSession {
  readonly #parts: SessionParts;
  readonly #tokens: number[] = [];
  readonly #pages: number[] = [];
  /** The first pages, as far as they are shared. */
  readonly #blocks: Block[] = [];
  #adapter = NO_ADAPTER;
  #disposed = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get length(): number {
    return this.#tokens.length;
  }

  /** Pages that its sequence takes, shared ones included. */
  get pages(): readonly number[] {
    return this.#pages;
  }

  async feed(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    if (tokens.length === 0) return new Float32Array();
    const rest = await this.#readUpToLast(tokens);
    const logits = await this.#decoderOf(rest).read(this.#next(rest));
    this.#keep(rest);
    return logits;
  }

  /** @throws RangeError for no tokens: there are no logits to choose from. */
  async feedAndChoose(tokens: readonly number[], choice: TokenChoice): Promise<number> {
    if (tokens.length === 0) throw new RangeError('A token is chosen after another one; none was given.');
    const rest = await this.#readUpToLast(tokens);
    const token = await this.#decoderOf(rest).choose(this.#next(rest), choice);
    this.#keep(rest);
    return token;
  }

  reuse(tokens: readonly number[]): number {
    const before = this.length;
    const all = [...this.#tokens, ...tokens];
    let full = Math.floor(before / PAGE_TOKENS);
    // Blocks end where the sequence was cut back into one of them.
    for (; this.#blocks.length >= full && (full + 1) * PAGE_TOKENS <= all.length; full += 1) {
      const ids = all.slice(full * PAGE_TOKENS, (full + 1) * PAGE_TOKENS);
      const block = this.#parts.blocks?.take(this.#blocks[full - 1] ?? null, ids) ?? null;
      if (block === null) break;
      this.truncate(full * PAGE_TOKENS);
      this.#pages.push(block.page);
      this.#blocks.push(block);
      this.#tokens.push(...ids);
    }
    return Math.max(0, this.length - before);
  }

  truncate(length: number): void {
    this.#tokens.length = Math.max(0, Math.min(length, this.length));
    const pages = Math.ceil(this.length / PAGE_TOKENS);
    const shared = this.#blocks.length;
    this.#parts.pool.release(this.#pages.splice(Math.max(pages, shared)));
    for (const block of this.#blocks.splice(pages)) this.#parts.blocks?.release(block);
    this.#pages.length = Math.min(this.#pages.length, pages);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.truncate(0);
    this.#parts.onDispose();
  }

  /** Makes room and reads all but the last piece. @returns that piece. */
  async #readUpToLast(tokens: readonly number[]): Promise<readonly number[]> {
    const { contextLength, pool, decoder, slot } = this.#parts;
    if (slot !== null && this.#adapter === NO_ADAPTER) this.#adapter = await slot();
    checkRoom(this.length + tokens.length, contextLength);
    await this.#ownLastPage();
    const needed = Math.ceil((this.length + tokens.length) / PAGE_TOKENS) - this.#pages.length;
    if (needed > 0) this.#pages.push(...(await pool.take(needed)));
    const last = MAX_PIECE * Math.floor((tokens.length - 1) / MAX_PIECE);
    for (let start = 0; start < last; start += MAX_PIECE) {
      const piece = tokens.slice(start, start + MAX_PIECE);
      await decoder.readPiece(this.#next(piece));
      this.#keep(piece);
    }
    return tokens.slice(last);
  }

  /** A block that the sequence was cut back into is about to be written. */
  async #ownLastPage(): Promise<void> {
    const { blocks, pool } = this.#parts;
    const full = Math.floor(this.length / PAGE_TOKENS);
    const block = this.#blocks[full];
    if (block === undefined || blocks === null) return;
    if (!blocks.takeBack(block)) {
      const [page = 0] = await pool.take(1);
      await pool.copy(block.page, page);
      blocks.release(block);
      this.#pages[full] = page;
    }
    this.#blocks.length = full;
  }

  /** The tokens have been read: pages that they filled are shared. */
  #keep(tokens: readonly number[]): void {
    this.#tokens.push(...tokens);
    const { blocks } = this.#parts;
    if (blocks === null) return;
    const full = Math.floor(this.length / PAGE_TOKENS);
    for (let index = this.#blocks.length; index < full; index += 1) {
      const ids = this.#tokens.slice(index * PAGE_TOKENS, (index + 1) * PAGE_TOKENS);
      const block = blocks.share(this.#blocks[index - 1] ?? null, ids, this.#pages[index] as number);
      this.#pages[index] = block.page;
      this.#blocks.push(block);
    }
  }

  #decoderOf(tokens: readonly number[]): PlannedDecoder {
    return tokens.length === 1 ? this.#parts.shared : this.#parts.decoder;
  }

  #next(tokens: readonly number[]): ReadRequest {
    return { tokens, length: this.length, pages: this.#pages, adapter: this.#adapter };
  }
}
