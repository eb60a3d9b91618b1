// Which bytes of a file are here: sorted ranges that do not touch. Pure; every function returns a new list.

/** From `start` up to, not including, `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

/** With `added` among them; neighbours and overlaps become one. */
export function addRange(ranges: readonly ByteRange[], added: ByteRange): ByteRange[] {
  if (added.end <= added.start) return [...ranges];
  let { start, end } = added;
  const apart: ByteRange[] = [];
  for (const range of ranges) {
    if (range.end < start || range.start > end) {
      apart.push(range);
      continue;
    }
    start = Math.min(start, range.start);
    end = Math.max(end, range.end);
  }
  return [...apart, { start, end }].sort((a, b) => a.start - b.start);
}

export function bytesIn(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** What is left of 0 to `sizeBytes`, cut into pieces of at most `pieceBytes`, in order. */
export function missingPieces(
  ranges: readonly ByteRange[],
  sizeBytes: number,
  pieceBytes: number,
): ByteRange[] {
  const pieces: ByteRange[] = [];
  let at = 0;
  for (const { start, end } of [...ranges, { start: sizeBytes, end: sizeBytes }]) {
    for (; at < start; at = Math.min(at + pieceBytes, start)) {
      pieces.push({ start: at, end: Math.min(at + pieceBytes, start) });
    }
    at = Math.max(at, end);
  }
  return pieces;
}

/** The first of those pieces, also where nobody knows yet how long the file is; null when none is left. */
export function firstMissing(
  ranges: readonly ByteRange[],
  sizeBytes: number | null,
  pieceBytes: number,
): ByteRange | null {
  const [first] = ranges;
  const start = first?.start === 0 ? first.end : 0;
  // One piece from the first gap is enough to look at, however big the file is.
  const within = Math.min(sizeBytes ?? Infinity, start + pieceBytes);
  return missingPieces(ranges, within, pieceBytes)[0] ?? null;
}
