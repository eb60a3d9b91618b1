// The short runs of characters that a text consists of, hashed: what two texts share of them is how similar they are
// (Broder 1997). Pure.

/** Characters (UTF-16 units) of a shingle. */
export const SHINGLE_LENGTH = 5;

const PRIME = 0x01000193;

/** Spreads 32 bits over all of them (the finaliser of MurmurHash3, Appleby 2011). */
export function mix32(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Hashes of all shingles, each once, ascending. A text shorter than one is one; an empty text has none. */
export function shinglesOf(text: string): Uint32Array {
  if (text.length === 0) return new Uint32Array(0);
  const count = Math.max(1, text.length - SHINGLE_LENGTH + 1);
  const hashes = new Uint32Array(count);
  for (let start = 0; start < count; start += 1) {
    let hash = 0x811c9dc5;
    const end = Math.min(text.length, start + SHINGLE_LENGTH);
    for (let i = start; i < end; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME);
    hashes[start] = mix32(hash);
  }
  hashes.sort();
  return hashes.subarray(0, keepUnique(hashes));
}

/** Moves the first of equal neighbours to the front. @returns how many there are. */
function keepUnique(sorted: Uint32Array): number {
  let kept = 0;
  for (let i = 0; i < sorted.length; i += 1) {
    if (i > 0 && sorted[i] === sorted[i - 1]) continue;
    sorted[kept] = sorted[i] ?? 0;
    kept += 1;
  }
  return kept;
}

/** Jaccard's index of two ascending lists without repetition: what they share over what they have, 0 to 1. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  if (a.length === 0 && b.length === 0) return 1;
  let [i, j, shared] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const [left = 0, right = 0] = [a[i], b[j]];
    if (left === right) shared += 1;
    if (left <= right) i += 1;
    if (right <= left) j += 1;
  }
  return shared / (a.length + b.length - shared);
}
