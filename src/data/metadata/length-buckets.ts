// Samples by length: the buckets of text, as aspect ratios are those of images. Lengths are in tokens or characters, as the
// caller counts them. Pure.

/** Beyond the last one they go on doubling. */
export const DEFAULT_BOUNDS: readonly number[] = [64, 128, 256, 512];

/** @returns the upper bound of the bucket that the length falls into. */
export function bucketOf(length: number, bounds: readonly number[] = DEFAULT_BOUNDS): number {
  const within = bounds.find((bound) => length <= bound);
  if (within !== undefined) return within;
  let bound = bounds.at(-1) ?? 1;
  while (bound < length) bound *= 2;
  return bound;
}
