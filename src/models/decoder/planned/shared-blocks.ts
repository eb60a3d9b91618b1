// Full pages of keys and values that several sequences of the same weights share. A block is named by the block before it
// and its own 32 tokens, so equal names mean equal contents. Users are counted; the last one's leave frees the page.
// Blocks are never written: whoever wants to go on in the middle of one takes it back or copies it. Owns the pages of its
// blocks.
import { PAGE_TOKENS } from '../../../engine/planned';

/** Where pages go back to. */
export interface PageReturn {
  release(pages: readonly number[]): void;
}

export interface Block {
  readonly page: number;
  readonly name: string;
  readonly number: number;
  users: number;
}

export class SharedBlocks {
  readonly #pool: PageReturn;
  readonly #blocks = new Map<string, Block>();
  #count = 0;

  constructor(pool: PageReturn) {
    this.#pool = pool;
  }

  get size(): number {
    return this.#blocks.size;
  }

  /** The block of these tokens after `before`, with the caller as one more user; null where nobody has it. */
  take(before: Block | null, tokens: readonly number[]): Block | null {
    const block = this.#blocks.get(nameOf(before, tokens)) ?? null;
    if (block !== null) block.users += 1;
    return block;
  }

  /** The caller's page as a block. Where there is one already the caller becomes its user and the page is given back. */
  share(before: Block | null, tokens: readonly number[], page: number): Block {
    const known = this.take(before, tokens);
    if (known !== null) {
      this.#pool.release([page]);
      return known;
    }
    const name = nameOf(before, tokens);
    this.#count += 1;
    const block = { page, name, number: this.#count, users: 1 };
    this.#blocks.set(name, block);
    return block;
  }

  release(block: Block): void {
    block.users -= 1;
    if (block.users > 0) return;
    this.#blocks.delete(block.name);
    this.#pool.release([block.page]);
  }

  /** Gives the page back to the only user, to be written. @returns whether it was the only one; nothing changes otherwise. */
  takeBack(block: Block): boolean {
    if (block.users > 1) return false;
    this.#blocks.delete(block.name);
    return true;
  }
}

/** @throws RangeError unless the tokens fill a page. */
function nameOf(before: Block | null, tokens: readonly number[]): string {
  if (tokens.length !== PAGE_TOKENS) {
    throw new RangeError(`A block has ${PAGE_TOKENS} tokens; ${tokens.length} were given.`);
  }
  return `${before?.number ?? 0}:${tokens.join()}`;
}
