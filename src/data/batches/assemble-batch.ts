// Rows of token windows as the arrays that the engine trains on. The arrays are fresh: their owner may give them away.
import { IGNORED_LABEL, type TokenBatch } from '../../protocol/batches';
import type { Example } from '../examples/example-encoder';
import type { TokenWindow } from '../examples/windows';

export interface Segment {
  example: Pick<Example, 'ids' | 'trained'>;
  window: TokenWindow;
}

/** Lengths are rounded up to it: fewer different shapes mean fewer compiled kernels. Tokens. */
const LENGTH_STEP = 16;

/** @param rows the segments of each row; a row's lengths add up to `maxLength` at most. */
export function assembleBatch(rows: readonly Segment[][], maxLength: number): TokenBatch {
  const longest = Math.max(...rows.map((row) => row.reduce((sum, { window }) => sum + window.length, 0)));
  const length = Math.min(maxLength, Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP);
  const size = rows.length * length;
  const batch: TokenBatch = {
    rows: rows.length,
    length,
    tokens: new Int32Array(size),
    labels: new Int32Array(size).fill(IGNORED_LABEL),
    positions: new Int32Array(size),
    segments: new Int32Array(size).fill(-1),
    targetTokens: 0,
  };
  rows.forEach((row, r) => {
    let at = r * length;
    row.forEach((segment, s) => {
      writeSegment(batch, segment, at, s);
      at += segment.window.length;
    });
  });
  return batch;
}

function writeSegment(batch: TokenBatch, { example, window }: Segment, at: number, segment: number): void {
  for (let i = 0; i < window.length; i++) {
    const token = window.start + i;
    batch.tokens[at + i] = example.ids[token] ?? 0;
    batch.positions[at + i] = i;
    batch.segments[at + i] = segment;
    if (example.trained[token + 1] !== 1) continue;
    batch.labels[at + i] = example.ids[token + 1] ?? IGNORED_LABEL;
    batch.targetTokens++;
  }
}
