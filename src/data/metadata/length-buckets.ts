// Samples by length: the buckets of text, as aspect ratios are those of images. It also says which samples are too short or
// too long, and which part of a long one is kept. Lengths are in tokens or characters, as the caller counts them. Pure.
import { AppError } from '../../lib/errors';
import { hashSeed, uniformAt } from '../../lib/random';

/** Beyond the last one they go on doubling. */
export const DEFAULT_BOUNDS: readonly number[] = [64, 128, 256, 512];

/** Which part is kept of what is longer than the maximum. */
export const TRUNCATION_MODES = ['beginning', 'end', 'random'] as const;
export type TruncationMode = (typeof TRUNCATION_MODES)[number];

export interface LengthLimits {
  minimum: number | null;
  maximum: number | null;
  /** null: what is longer is left out. */
  truncation: TruncationMode | null;
}

export type LengthOutcome =
  | /** From `start` up to, not including, `end`. */ { start: number; end: number }
  | { reason: 'too_small' | 'too_long' };

/** @throws AppError `config.invalid` unless bounds are whole, positive and ascending. */
export function parseBounds(bounds: readonly number[]): readonly number[] {
  const wrong = bounds.findIndex((bound, i) => !Number.isSafeInteger(bound) || bound <= (bounds[i - 1] ?? 0));
  if (wrong < 0 && bounds.length > 0) return bounds;
  const fact = wrong < 0 ? 'There are no bounds' : `Bound ${wrong + 1} is ${String(bounds[wrong])}`;
  throw new AppError('config.invalid', `${fact} of length buckets.`, {
    remedy: `Give whole numbers that grow: ${DEFAULT_BOUNDS.join(', ')}.`,
    details: { bounds: [...bounds] },
  });
}

/** @returns the upper bound of the bucket that the length falls into. */
export function bucketOf(length: number, bounds: readonly number[] = DEFAULT_BOUNDS): number {
  const within = bounds.find((bound) => length <= bound);
  if (within !== undefined) return within;
  let bound = bounds.at(-1) ?? 1;
  while (bound < length) bound *= 2;
  return bound;
}

/** @throws AppError `config.invalid` where no length can satisfy the limits. */
export function checkLimits({ minimum, maximum }: LengthLimits): void {
  const bad = [minimum, maximum].find(
    (limit) => limit !== null && (!Number.isSafeInteger(limit) || limit < 1),
  );
  if (bad !== undefined) throw badLimits(`A length limit is ${String(bad)}`);
  if (minimum !== null && maximum !== null && minimum > maximum) {
    throw badLimits(`The minimum length ${minimum} is above the maximum ${maximum}`);
  }
}

/** @param sampleKey what a random part is drawn by, together with the seed: the same each time. */
export function fitLength(
  length: number,
  limits: LengthLimits,
  seed: number,
  sampleKey: string,
): LengthOutcome {
  const { minimum, maximum, truncation } = limits;
  if (minimum !== null && length < minimum) return { reason: 'too_small' };
  if (maximum === null || length <= maximum) return { start: 0, end: length };
  if (truncation === null) return { reason: 'too_long' };
  const start = startOf(truncation, length - maximum, seed, sampleKey);
  return { start, end: start + maximum };
}

function startOf(mode: TruncationMode, surplus: number, seed: number, sampleKey: string): number {
  switch (mode) {
    case 'beginning':
      return 0;
    case 'end':
      return surplus;
    case 'random':
      return Math.floor(uniformAt(hashSeed(seed, 'truncation', sampleKey), 0) * (surplus + 1));
  }
}

function badLimits(fact: string): AppError {
  return new AppError('config.invalid', `${fact}.`, {
    remedy: 'Use whole numbers from 1, the minimum first.',
  });
}
