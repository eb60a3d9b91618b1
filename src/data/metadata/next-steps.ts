// What a person can do where samples were left out, the most promising first. Pure: counts in, sentences out.
import type { BuildStage } from '../../protocol/backends';
import type { FilteringStatistics, FilterReason } from './filtering-statistics';

/** Samples that were in a bucket and were taken out of it. */
export interface Removal {
  reason: string;
  count: number;
  /** Upper bound of the bucket; null where it concerns them all. */
  bucket: number | null;
}

/** Texts fall into buckets by their length, pictures by their aspect. */
export type BucketMeasure = 'length' | 'aspect';

export interface BuildFacts {
  stages: readonly BuildStage[];
  statistics: FilteringStatistics;
  removals: readonly Removal[];
  usable: number;
  measure: BucketMeasure;
}

const STEPS: Record<FilterReason, (count: number) => string> = {
  too_small: (count) => `${samples(count)} shorter than the minimum length: lower it, or join short texts.`,
  too_long: (count) => `${samples(count)} longer than the maximum length: raise it, or cut them before.`,
  filtered: (count) => `${samples(count)} left out by filter_func: loosen it where they should take part.`,
  aspect: (count) =>
    `${samples(count)} of a shape that is left out: loosen minimum_aspect_ratio and maximum_aspect_ratio.`,
  metadata_missing: (count) =>
    `${samples(count)} without text in the columns that are read: check their names, or set a fallback column.`,
  not_found: (count) =>
    `${samples(count)} without the file that belongs to it: add it beside the sample, or choose another caption_strategy.`,
  already_exists: (count) => `${samples(count)} here already: nothing needs to be done about them.`,
  other: (count) => `${samples(count)} that could not be read: the problems name their places.`,
};

/** Pictures are no texts. */
const PICTURE_STEPS: Partial<typeof STEPS> = {
  too_small: (count) =>
    `${samples(count)} smaller than the limits allow: lower minimum_image_size or resolution, or raise max_upscale_threshold.`,
  metadata_missing: (count) =>
    `${samples(count)} without a caption in what is read: check the columns or files, or choose another caption_strategy.`,
};

/** Empty where every sample is usable. */
export function nextSteps(facts: BuildFacts): string[] {
  const steps = facts.statistics.reasons().map(([reason, count]) => {
    const ofPictures = facts.measure === 'aspect' ? PICTURE_STEPS[reason] : undefined;
    return (ofPictures ?? STEPS[reason])(count);
  });
  const removed = facts.removals.map(({ reason, count }) => `${samples(count)} removed: ${reason}.`);
  const empty = emptyStageStep(facts);
  return [...(empty === null ? [] : [empty]), ...steps, ...removed];
}

/** The first stage that nothing came out of tells where to look. */
function emptyStageStep({ stages, statistics, usable }: BuildFacts): string | null {
  if (usable > 0) return null;
  const empty = stages.find(({ count }) => count === 0)?.name ?? null;
  switch (empty) {
    case 'discover':
      return 'No file was found: check the place, its folder or prefix, and the endings that are read.';
    case 'read':
      return 'No row was read: check that the files hold rows and are of the type that their endings say.';
    case 'extract':
      return 'No row gave a text: check caption_strategy and the names of the columns.';
    case 'filter':
      return 'Every sample was left out: loosen the limits that are named here.';
    case 'store':
    case 'check':
    case null:
      return statistics.processed === 0 ? 'Nothing was there to process: add files to the place.' : null;
  }
}

function samples(count: number): string {
  return count === 1 ? '1 sample is' : `${count} samples are`;
}
