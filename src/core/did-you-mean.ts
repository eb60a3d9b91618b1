// The known name nearest to a mistyped one, for error messages.

/** @returns null where nothing is near enough to be meant: a third of the letters at most may differ. */
export function didYouMean(name: string, known: Iterable<string>): string | null {
  const wanted = name.toLowerCase();
  let best: { candidate: string; distance: number } | null = null;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    const allowed = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3));
    if (distance <= allowed && (best === null || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate ?? null;
}

/** " Did you mean x?", or a list of what there is; '' where there is nothing. */
export function suggestion(name: string, known: readonly string[]): string {
  const near = didYouMean(name, known);
  if (near !== null) return `Did you mean "${near}"?`;
  return known.length === 0 ? 'There is none yet.' : `Known: ${known.join(', ')}.`;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours count 1. */
export function editDistance(a: string, b: string): number {
  let [beforeLast, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (row: number[], index: number) => row[index] ?? 0;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + cost);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) value = Math.min(value, at(beforeLast, j - 2) + 1);
      row.push(value);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}
