// The batches that all trainers get: number `step` is the same for everyone.
import { Random } from '../../src/lib/random';
import type { TokenBatch } from '../../src/protocol/batches';
import type { TrainCase } from '../cases';

/** Sequences that count upwards from places of their own: learnable. */
export function batchOf(
  { config, rows, length }: Omit<TrainCase, 'name' | 'method'>,
  step: number,
): TokenBatch {
  const random = new Random(step);
  const count = rows * length;
  const starts = Array.from({ length: rows }, () => random.integer(config.vocabSize));
  const at = (index: number, ahead: number) =>
    ((starts[Math.floor(index / length)] ?? 0) + (index % length) + ahead) % config.vocabSize;
  return {
    rows,
    length,
    tokens: Int32Array.from({ length: count }, (_, index) => at(index, 0)),
    labels: Int32Array.from({ length: count }, (_, index) => at(index, 1)),
    positions: Int32Array.from({ length: count }, (_, index) => index % length),
    segments: new Int32Array(count),
    targetTokens: count,
  };
}
