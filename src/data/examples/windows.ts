// How an example becomes sequences: a text is cut into windows so that all of it is learnt, a conversation is cut at its
// end so that an answer never stands without its question.
import type { DropReason, Example } from './example-encoder';

/** `length` input positions from token `start` on; position i predicts token start + i + 1. */
export interface TokenWindow {
  start: number;
  length: number;
  /** Positions with a label. */
  targets: number;
}

export interface CutExample {
  windows: TokenWindow[];
  truncated: boolean;
}

/** @param sequenceLength positions of a sequence, tokens. */
export function cutExample(example: Example, sequenceLength: number): CutExample | DropReason {
  const positions = example.ids.length - 1;
  const windows: TokenWindow[] = [];
  const last = example.kind === 'text' ? positions : 1;
  for (let start = 0; start < last; start += sequenceLength) {
    const length = Math.min(sequenceLength, positions - start);
    const targets = countTargets(example.trained, start, length);
    if (targets > 0) windows.push({ start, length, targets });
  }
  if (windows.length === 0) return 'answer-beyond-length';
  return { windows, truncated: example.kind === 'turns' && positions > sequenceLength };
}

/** Positions with a label among `length` from token `start` on. */
export function countTargets(trained: Uint8Array, start: number, length: number): number {
  let count = 0;
  for (let i = start + 1; i <= start + length; i++) count += trained[i] ?? 0;
  return count;
}
