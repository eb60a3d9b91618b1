// Which languages a dataset is in, by franc's trigrams over some of its samples. Short texts have no language.
import { franc } from 'franc-min';
import type { LanguageShare } from '../../protocol/quality';

/** Samples looked at, spread over the dataset. */
const LOOKED_AT = 2000;
/** Characters of a sample that are looked at, and that are needed. */
const MOST = 1000;
const LEAST = 40;
const UNDETERMINED = 'und';

export class LanguageCount {
  readonly #every: number;
  readonly #counts = new Map<string, number>();
  #looked = 0;

  constructor(samples: number) {
    this.#every = Math.max(1, Math.ceil(samples / LOOKED_AT));
  }

  add(sample: number, text: string): void {
    if (sample % this.#every !== 0) return;
    this.#looked += 1;
    const code = franc(text.slice(0, MOST), { minLength: LEAST });
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  /** Most frequent first; codes are those of ISO 639-3, null where none could be told. */
  shares(): LanguageShare[] {
    return [...this.#counts]
      .map(([code, samples]) => ({
        code: code === UNDETERMINED ? null : code,
        share: samples / Math.max(1, this.#looked),
      }))
      .sort((a, b) => b.share - a.share);
  }
}
