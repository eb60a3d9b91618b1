// Samples that say almost the same: those that agree in a band of their signatures are compared shingle by shingle, so that
// what is reported was measured, not estimated. Texts are read again for that; few are kept at a time.
import { BandTable } from './min-hash';
import type { SampleGroups } from './sample-groups';
import { jaccard, shinglesOf } from './shingles';

/** Shingle lists kept for comparing. */
const KEPT = 4096;
/** A run in a band is compared with at most so many of its texts that were found different from each other. */
const MAX_DIFFERENT = 32;
const TEXTS_PER_PAUSE = 256;
/** Of the time, about. */
const SIGNING_SHARE = 0.8;

export interface NearDuplicateSearch {
  samples: number;
  /** Samples to be looked at: what is equal to another is left out. */
  among: Uint32Array;
  /** The comparable form of a sample. */
  textOf: (sample: number) => Promise<string>;
  /** Least similarity to be found, above 0 to 1. */
  threshold: number;
}

class ShingleCache {
  readonly #textOf: NearDuplicateSearch['textOf'];
  readonly #kept = new Map<number, Uint32Array>();

  constructor(textOf: NearDuplicateSearch['textOf']) {
    this.#textOf = textOf;
  }

  async get(sample: number): Promise<Uint32Array> {
    const shingles = this.#kept.get(sample) ?? shinglesOf(await this.#textOf(sample));
    this.#kept.delete(sample);
    this.#kept.set(sample, shingles);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
    }
    return shingles;
  }
}

/** Joins in `groups` whatever is similar. Empty texts are similar to none. Yields the share that is done, 0 to 1. */
export async function* joinNearDuplicates(
  { samples, among, textOf, threshold }: NearDuplicateSearch,
  groups: SampleGroups,
): AsyncGenerator<number, void> {
  const bands = new BandTable(samples, threshold);
  const compared: number[] = [];
  for (const [done, sample] of among.entries()) {
    const shingles = shinglesOf(await textOf(sample));
    if (shingles.length > 0) {
      bands.set(sample, shingles);
      compared.push(sample);
    }
    if (done % TEXTS_PER_PAUSE === 0) yield (SIGNING_SHARE * done) / among.length;
  }
  const cache = new ShingleCache(textOf);
  const texts = Uint32Array.from(compared);
  for (let band = 0; band < bands.bands; band += 1) {
    for (const run of bands.runs(band, texts)) await joinRun(run, cache, threshold, groups);
    yield SIGNING_SHARE + ((1 - SIGNING_SHARE) * (band + 1)) / bands.bands;
  }
}

async function joinRun(
  run: Uint32Array,
  cache: ShingleCache,
  threshold: number,
  groups: SampleGroups,
): Promise<void> {
  const different: number[] = [];
  for (const sample of run) {
    if (
      !(await joinsOneOf(different, sample, cache, threshold, groups)) &&
      different.length < MAX_DIFFERENT
    ) {
      different.push(sample);
    }
  }
}

async function joinsOneOf(
  different: readonly number[],
  sample: number,
  cache: ShingleCache,
  threshold: number,
  groups: SampleGroups,
): Promise<boolean> {
  for (const other of different) {
    if (groups.firstOf(other) === groups.firstOf(sample)) return true;
    const similarity = jaccard(await cache.get(other), await cache.get(sample));
    if (similarity < threshold) continue;
    groups.join(other, sample, similarity);
    return true;
  }
  return false;
}
