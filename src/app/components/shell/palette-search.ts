// Ranks palette entries for what was typed: every word must occur; words that begin a word, and titles, count more.

export interface PaletteEntry {
  /** Section heading. */
  group: string;
  title: string;
  /** More words it is found by. */
  keywords?: string;
}

/** Entries that match, best first within their order of groups; all of them, as given, for an empty query. */
export function searchEntries<Entry extends PaletteEntry>(entries: readonly Entry[], query: string): Entry[] {
  const words = fold(query)
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return [...entries];
  const groups = [...new Set(entries.map((entry) => entry.group))];
  return entries
    .map((entry) => ({ entry, score: score(entry, words) }))
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => groups.indexOf(a.entry.group) - groups.indexOf(b.entry.group) || b.score - a.score)
    .map(({ entry }) => entry);
}

function score(entry: PaletteEntry, words: readonly string[]): number {
  const title = fold(entry.title);
  const rest = fold(entry.keywords ?? '');
  let total = 0;
  for (const word of words) {
    const points = startsWord(title, word) ? 4 : title.includes(word) ? 2 : rest.includes(word) ? 1 : 0;
    if (points === 0) return 0;
    total += points;
  }
  return total;
}

function startsWord(text: string, word: string): boolean {
  return text.startsWith(word) || text.includes(` ${word}`);
}

/** Lower case without accents. */
function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
