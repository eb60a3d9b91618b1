// Places the bars and marks of a histogram with uneven bins on an axis where every bin is equally wide. Pure.

export interface HistogramBar {
  from: number;
  to: number;
  count: number;
  /** True when the bin lies wholly above the limit. */
  cut: boolean;
}

/** @param bounds upper bounds, ascending; @param limit values above it are cut, null where there is none */
export function histogramBars(
  bounds: readonly number[],
  counts: readonly number[],
  limit: number | null,
): HistogramBar[] {
  return bounds.map((to, index) => {
    const from = index === 0 ? 0 : (bounds[index - 1] ?? 0) + 1;
    return { from, to, count: counts[index] ?? 0, cut: limit !== null && from > limit };
  });
}

/** Where a value lies along the axis, in bins from 0 to bounds.length. */
export function binPosition(bounds: readonly number[], value: number): number {
  let previous = 0;
  for (let index = 0; index < bounds.length; index++) {
    const bound = bounds[index] ?? previous;
    if (value <= bound) return index + (bound === previous ? 0 : (value - previous) / (bound - previous));
    previous = bound;
  }
  return bounds.length;
}

/** Length below which the given share of samples lies: the upper bound of its bin. 0 where there are no samples. */
export function quantileBound(bounds: readonly number[], counts: readonly number[], share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (let index = 0; index < counts.length; index++) {
    seen += counts[index] ?? 0;
    if (total > 0 && seen >= share * total) return bounds[index] ?? 0;
  }
  return 0;
}

/** About four round tick values from 0 to at least `max`. */
export function countTicks(max: number): number[] {
  if (max <= 0) return [0, 1];
  const rough = max / 3;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, ([1, 2, 5, 10].find((factor) => factor * magnitude >= rough) ?? 10) * magnitude);
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, index) => index * step);
}
