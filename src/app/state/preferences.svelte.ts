// What the user chose about the look and the engine, kept in localStorage because index.html reads it before first paint.
// Not for secrets, not for anything that would be missed: where storage is refused, choices last until the tab closes.
import type { BackendChoice } from '../../protocol/engine';
import type { Language } from '../i18n/index.svelte';
import { plainSet } from './plain-collections';

export interface PreferenceValues {
  theme: 'light' | 'dark' | 'system';
  density: 'compact' | 'comfortable';
  sidebar: 'full' | 'rail';
  language: Language;
  /** Pixels. */
  chatTextSize: 14 | 15 | 17;
  showSpeed: boolean;
  reduceMotion: boolean;
  highContrast: boolean;
  backend: BackendChoice;
  /** The first-run screen was answered. */
  welcomed: boolean;
  /** The conversation list and the settings drawer of the chat, on wide screens. */
  chatList: boolean;
  chatDrawer: boolean;
}

const KEY = 'fragua-preferences';

const DEFAULTS: PreferenceValues = {
  theme: 'system',
  density: 'compact',
  sidebar: 'full',
  language: 'en',
  chatTextSize: 15,
  showSpeed: true,
  reduceMotion: false,
  highContrast: false,
  backend: 'auto',
  welcomed: false,
  chatList: true,
  chatDrawer: false,
};

const ALLOWED: { [Key in keyof PreferenceValues]: readonly PreferenceValues[Key][] } = {
  theme: ['light', 'dark', 'system'],
  density: ['compact', 'comfortable'],
  sidebar: ['full', 'rail'],
  language: ['en', 'es'],
  chatTextSize: [14, 15, 17],
  showSpeed: [true, false],
  reduceMotion: [true, false],
  highContrast: [true, false],
  backend: ['auto', 'webgpu', 'wasm', 'cpu'],
  welcomed: [true, false],
  chatList: [true, false],
  chatDrawer: [true, false],
};

/** What is stored, less whatever is not a known choice. */
export function parsePreferences(stored: string | null, language: Language): PreferenceValues {
  const values = { ...DEFAULTS, language };
  let kept: unknown = null;
  try {
    kept = stored === null ? null : JSON.parse(stored);
  } catch {
    return values;
  }
  if (typeof kept !== 'object' || kept === null) return values;
  for (const key of Object.keys(DEFAULTS) as (keyof PreferenceValues)[]) {
    const value: unknown = Reflect.get(kept, key);
    if ((ALLOWED[key] as readonly unknown[]).includes(value)) Object.assign(values, { [key]: value });
  }
  return values;
}

export class Preferences {
  #values = $state.raw<PreferenceValues>(DEFAULTS);
  readonly #storage: Storage | null;
  readonly #listeners = plainSet<(values: PreferenceValues) => void>();

  /** `storage` is null where the browser refuses it. */
  constructor(storage: Storage | null, language: Language) {
    this.#storage = storage;
    this.#values = parsePreferences(storage?.getItem(KEY) ?? null, language);
  }

  get values(): PreferenceValues {
    return this.#values;
  }

  set(change: Partial<PreferenceValues>): void {
    this.#values = { ...this.#values, ...change };
    this.apply(document.documentElement);
    try {
      this.#storage?.setItem(KEY, JSON.stringify(this.#values));
    } catch {
      // Full or refused: the choice holds for this visit.
    }
    for (const listener of this.#listeners) listener(this.#values);
  }

  onChange(listener: (values: PreferenceValues) => void): void {
    this.#listeners.add(listener);
  }

  /** Writes the look onto the root element, as index.html does before first paint. */
  apply(root: HTMLElement): void {
    const { theme, density, sidebar, highContrast, reduceMotion, chatTextSize } = this.#values;
    toggle(root, 'theme', theme === 'system' ? null : theme);
    toggle(root, 'density', density === 'comfortable' ? density : null);
    toggle(root, 'rail', sidebar === 'rail' ? 'on' : null);
    toggle(root, 'contrast', highContrast ? 'more' : null);
    toggle(root, 'motion', reduceMotion ? 'reduce' : null);
    root.style.setProperty('--chat-text', `${chatTextSize / 16}rem`);
  }
}

function toggle(root: HTMLElement, name: string, value: string | null): void {
  if (value === null) delete root.dataset[name];
  else root.dataset[name] = value;
}
