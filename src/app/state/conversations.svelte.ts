// The kept conversations: a list in memory over the `conversations` store. Where the browser refuses storage, the list
// lives until the tab closes. It does not generate; ChatSession does.
import type { Database } from '../../core/database';
import { AppError, messageOf } from '../../lib/errors';
import type { Conversation } from '../../protocol/conversations';

export class Conversations {
  #items = $state.raw<readonly Conversation[]>([]);
  readonly #database: Promise<Database | null>;

  constructor(database: Promise<Database | null>) {
    this.#database = database;
  }

  /** Last changed first. */
  get items(): readonly Conversation[] {
    return this.#items;
  }

  get(id: string): Conversation | null {
    return this.#items.find((conversation) => conversation.id === id) ?? null;
  }

  /** Reads the store again; also after an import. */
  async load(): Promise<void> {
    const database = await this.#database;
    if (database === null) return;
    const stored = await database.getAllFromIndex('conversations', 'updatedAt');
    this.#items = stored.toReversed();
  }

  /** @throws AppError `storage.quota` where the disk is full; the list in memory has it all the same. */
  async save(conversation: Conversation): Promise<void> {
    const others = this.#items.filter(({ id }) => id !== conversation.id);
    this.#items = [conversation, ...others].toSorted((a, b) => b.updatedAt - a.updatedAt);
    const database = await this.#database;
    try {
      await database?.put('conversations', conversation);
    } catch (cause) {
      throw storageError(cause);
    }
  }

  async remove(id: string): Promise<void> {
    this.#items = this.#items.filter((conversation) => conversation.id !== id);
    const database = await this.#database;
    await database?.delete('conversations', id);
  }
}

function storageError(cause: unknown): AppError {
  const full = cause instanceof DOMException && cause.name === 'QuotaExceededError';
  return new AppError(
    full ? 'storage.quota' : 'storage.unavailable',
    `The conversation was not saved: ${messageOf(cause)}.`,
    { remedy: 'Free some space under Settings, Storage, or export the chat before closing the tab.', cause },
  );
}
