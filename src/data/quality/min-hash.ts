// MinHash signatures cut into bands: texts that agree in a band are worth comparing (Broder 1997; Leskovec, Rajaraman and
// Ullman, Mining of Massive Datasets, chapter 3). Two texts of similarity s agree in one of b bands of r values with
// probability 1 - (1 - s^r)^b. Only a hash of each band is kept: for a similarity of 0.85 64 bytes a text.
import { Random } from '../../lib/random';
import { mix32 } from './shingles';

const HASHES = 128;
const MOST_ROWS = 8;
/** Share of the pairs at the threshold that have to be found. */
const RECALL = 0.98;

/** Values of a band: as many as leave texts at the threshold likely to meet, since fewer make strangers meet. */
export function rowsFor(threshold: number): number {
  for (let rows = MOST_ROWS; rows > 1; rows -= 1) {
    if (1 - (1 - threshold ** rows) ** Math.floor(HASHES / rows) >= RECALL) return rows;
  }
  return 1;
}

/** Odd factors and offsets of the hash functions. */
function functions(): { factors: Int32Array; offsets: Int32Array } {
  const random = new Random(1);
  const draw = (): Int32Array => Int32Array.from({ length: HASHES }, () => random.integer(2 ** 32) | 0);
  return { factors: draw().map((factor) => factor | 1), offsets: draw() };
}

export class BandTable {
  readonly #rows: number;
  readonly #factors: Int32Array;
  readonly #offsets: Int32Array;
  readonly #least = new Uint32Array(HASHES);
  /** Band after band, a column each. */
  readonly #bands: Uint32Array[];

  /** @param texts how many there are. @param threshold similarity of those that should meet. */
  constructor(texts: number, threshold: number) {
    this.#rows = rowsFor(threshold);
    const { factors, offsets } = functions();
    this.#factors = factors;
    this.#offsets = offsets;
    this.#bands = Array.from({ length: Math.floor(HASHES / this.#rows) }, () => new Uint32Array(texts));
  }

  get bands(): number {
    return this.#bands.length;
  }

  /** @param shingles of a text that has some. */
  set(text: number, shingles: Uint32Array): void {
    this.#sign(shingles);
    for (const [band, column] of this.#bands.entries()) {
      let hash = band;
      for (let row = 0; row < this.#rows; row += 1) {
        hash = mix32(hash ^ (this.#least[band * this.#rows + row] ?? 0));
      }
      column[text] = hash;
    }
  }

  /** Texts that agree in a band, ascending, in runs of two or more; only those of `texts` are looked at. */
  *runs(band: number, texts: Uint32Array): Generator<Uint32Array, void> {
    const column = this.#bands[band] ?? new Uint32Array(0);
    const sorted = texts.slice().sort((a, b) => (column[a] ?? 0) - (column[b] ?? 0) || a - b);
    for (let start = 0; start < sorted.length;) {
      const hash = column[sorted[start] ?? 0];
      let end = start + 1;
      while (end < sorted.length && column[sorted[end] ?? 0] === hash) end += 1;
      if (end - start > 1) yield sorted.subarray(start, end);
      start = end;
    }
  }

  /** The least value of each hash function over the shingles. */
  #sign(shingles: Uint32Array): void {
    const [least, factors, offsets] = [this.#least, this.#factors, this.#offsets];
    least.fill(0xffffffff);
    for (const shingle of shingles) {
      for (let k = 0; k < HASHES; k += 1) {
        const product = Math.imul(shingle, factors[k] ?? 1) + (offsets[k] ?? 0);
        const value = (product ^ (product >>> 15)) >>> 0;
        if (value < (least[k] ?? 0)) least[k] = value;
      }
    }
  }
}
