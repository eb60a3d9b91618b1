// The settings of this browser: kept in the database, created with defaults when absent, checked when they change.
// What it cannot read it sets aside instead of deleting it, and says so.
import { messageOf } from '../../lib/errors';
import type { Database } from '../database';
import { mergeDeep } from './merge';
import { defaultSettings, type Settings, type SettingsPatch } from './settings';

/** Small documents by name. */
export interface DocumentStore {
  get(name: string): Promise<unknown>;
  put(name: string, document: unknown): Promise<void>;
}

export function databaseDocuments(database: Database): DocumentStore {
  return {
    get: (name) => database.get('documents', name),
    put: async (name, document) => void (await database.put('documents', document, name)),
  };
}

export const SETTINGS_DOCUMENT = 'settings';
const SET_ASIDE_DOCUMENT = 'settings.unreadable';

export class SettingsStore {
  readonly #documents: DocumentStore;
  readonly #listeners = new Set<(settings: Settings) => void>();
  #current: Settings = defaultSettings;
  #problem: string | null = null;

  constructor(documents: DocumentStore) {
    this.#documents = documents;
  }

  get current(): Settings {
    return this.#current;
  }

  /** Why the stored settings were not used at the last load; null when they were. */
  get problem(): string | null {
    return this.#problem;
  }

  async load(): Promise<Settings> {
    const stored = await this.#documents.get(SETTINGS_DOCUMENT);
    this.#problem = null;
    if (stored === undefined) await this.#documents.put(SETTINGS_DOCUMENT, defaultSettings);
    else await this.#read(stored);
    this.#notify();
    return this.#current;
  }

  /**
   * Changes some fields. Nothing is stored where the result is not valid.
   * @throws AppError `config.invalid`, `config.unknown-key`.
   */
  update(patch: SettingsPatch): Promise<Settings> {
    return this.replace(mergeDeep(this.#current, patch));
  }

  /** @param settings anything; it is checked like an imported file. */
  async replace(settings: unknown): Promise<Settings> {
    const { parseSettings } = await import('./parse-settings');
    const parsed = parseSettings(settings);
    await this.#documents.put(SETTINGS_DOCUMENT, parsed);
    this.#current = parsed;
    this.#problem = null;
    this.#notify();
    return parsed;
  }

  reset(): Promise<Settings> {
    return this.replace(defaultSettings);
  }

  /** @returns unsubscribes. */
  subscribe(listener: (settings: Settings) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async #read(stored: unknown): Promise<void> {
    const { parseSettings } = await import('./parse-settings');
    try {
      this.#current = parseSettings(stored);
    } catch (error) {
      this.#current = defaultSettings;
      this.#problem = messageOf(error);
      await this.#documents.put(SET_ASIDE_DOCUMENT, stored);
    }
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener(this.#current);
  }
}
