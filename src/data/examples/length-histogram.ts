// How long samples are, in about twenty bins of a round width.
import type { LengthHistogram } from '../../protocol/datasets';

const BINS = 20;
const ROUND = [1, 2, 5];

/** @param lengths tokens of each sample. */
export function lengthHistogram(lengths: readonly number[] | Uint32Array): LengthHistogram {
  let maxTokens = 0;
  let totalTokens = 0;
  for (const length of lengths) {
    maxTokens = Math.max(maxTokens, length);
    totalTokens += length;
  }
  const width = roundWidth(maxTokens / BINS);
  const bins = Math.max(1, Math.ceil(maxTokens / width));
  const bounds = Array.from({ length: bins }, (_, i) => (i === bins - 1 ? maxTokens : (i + 1) * width));
  const counts = new Array<number>(bins).fill(0);
  for (const length of lengths) {
    const bin = Math.max(0, Math.ceil(length / width) - 1);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const meanTokens = lengths.length === 0 ? 0 : totalTokens / lengths.length;
  return { bounds, counts, meanTokens, maxTokens, totalTokens };
}

/** The smallest of 1, 2, 5, 10, 20, 50, ... that is not below `least`. */
function roundWidth(least: number): number {
  for (let power = 1; ; power *= 10) {
    const width = ROUND.map((digit) => digit * power).find((candidate) => candidate >= least);
    if (width !== undefined) return width;
  }
}
