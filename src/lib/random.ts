// Counter-based randomness: every draw is a pure function of (seed, counter), so a seed made from what a number is
// for - hashSeed(seed, 'dropout', step) - gives the same numbers whatever else was drawn before. Not cryptographic.

const GOLDEN = 0x9e3779b9;

/** Finaliser of MurmurHash3 (32 bit): every input bit reaches every output bit. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function absorb(hash: number, word: number): number {
  return mix((Math.imul(hash, 0x01000193) + word + GOLDEN) | 0);
}

const numberBytes = new DataView(new ArrayBuffer(8));

function absorbNumber(hash: number, part: number): number {
  numberBytes.setFloat64(0, part === 0 ? 0 : part);
  return absorb(absorb(absorb(hash, 1), numberBytes.getInt32(0)), numberBytes.getInt32(4));
}

function absorbString(hash: number, part: string): number {
  let result = absorb(absorb(hash, 2), part.length);
  for (let i = 0; i < part.length; i += 1) result = absorb(result, part.charCodeAt(i));
  return result;
}

/** A 32-bit unsigned seed from any parts. `1` and `'1'` differ, and so do ('ab', 'c') and ('a', 'bc'). */
export function hashSeed(...parts: (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    hash = typeof part === 'number' ? absorbNumber(hash, part) : absorbString(hash, part);
  }
  return hash;
}

/** Uniform in [0, 1) with 32 bits, from (seed, counter) alone. */
export function uniformAt(seed: number, counter: number): number {
  const high = mix((seed ^ Math.imul(counter + 1, GOLDEN)) | 0);
  return mix((high + Math.imul(counter, 0x632be5ab) + seed) | 0) / 0x1_0000_0000;
}

export class Random {
  readonly #seed: number;
  #counter = 0;

  constructor(seed: number) {
    this.#seed = hashSeed(seed);
  }

  /** Uniform in [0, 1), 53 bits. */
  next(): number {
    const high = uniformAt(this.#seed, this.#counter) * 0x1_0000_0000;
    const low = uniformAt(this.#seed, this.#counter + 1) * 0x1_0000_0000;
    this.#counter += 2;
    return ((high >>> 5) * 0x400_0000 + (low >>> 6)) / 0x20_0000_0000_0000;
  }

  /** Uniform integer, 0 <= result < n. @throws RangeError unless n is a positive safe integer. */
  integer(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1)
      throw new RangeError(`integer(${n}): n must be a positive integer`);
    return Math.floor(this.next() * n);
  }

  /** Standard normal (Box and Muller 1958), one draw per call. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  /** A shuffled copy (Fisher and Yates); the argument stays as it is. */
  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let last = result.length - 1; last > 0; last -= 1) {
      const other = this.integer(last + 1);
      const moved = result[last] as T;
      result[last] = result[other] as T;
      result[other] = moved;
    }
    return result;
  }
}
