// FNV-1a over whole words: finds accidents, not forgeries.

export function checksum(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  // By index: an iterator over numbers takes several times as long.
  for (let i = 0; i < words.length; i += 1) hash = Math.imul(hash ^ (words[i] ?? 0), 0x01000193);
  return hash >>> 0;
}
