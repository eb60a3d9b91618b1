// Help of a backend's setting in the language that is loaded. The Spanish one comes with the first form that asks for it.
import { currentLanguage } from './index.svelte';

class SpanishHelp {
  #texts = $state.raw<Readonly<Record<string, string>> | null>(null);
  #asked = false;

  /** null until it is loaded. */
  read(path: string): string | null {
    if (!this.#asked) {
      this.#asked = true;
      void import('./es/setting-help').then(({ settingHelp }) => (this.#texts = settingHelp));
    }
    return this.#texts?.[path] ?? null;
  }
}

const spanish = new SpanishHelp();

/** @param english as the schema says it. */
export function helpOf(path: string, english: string): string {
  return currentLanguage() === 'es' ? (spanish.read(path) ?? english) : english;
}
