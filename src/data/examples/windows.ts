// How an example becomes sequences: a text is cut into windows so that all of it is learnt, a conversation is cut at its
// end so that an answer never stands without its question, unless its dataset says otherwise.
import { hashSeed, uniformAt } from '../../lib/random';
import type { KeptPart } from '../../protocol/datasets';
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

/** Where what is kept of a conversation begins that has so many positions too many. */
export function cutStart(keptPart: KeptPart, surplus: number, sample: number): number {
  if (keptPart === 'beginning' || surplus <= 0) return 0;
  if (keptPart === 'end') return surplus;
  return Math.floor(uniformAt(hashSeed('truncation', sample), 0) * (surplus + 1));
}

/**
 * @param sequenceLength positions of a sequence, tokens.
 * @param startOf of a conversation with that many positions too many; the first ones are kept where this is absent.
 */
export function cutExample(
  example: Example,
  sequenceLength: number,
  startOf: (surplus: number) => number = () => 0,
): CutExample | DropReason {
  const positions = example.ids.length - 1;
  const windows: TokenWindow[] = [];
  const isText = example.kind === 'text';
  const first = isText ? 0 : startOf(positions - sequenceLength);
  const last = isText ? positions : first + 1;
  for (let start = first; start < last; start += sequenceLength) {
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
