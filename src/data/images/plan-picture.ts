// What becomes of one picture: the bucket that it falls into, the size that it gets and the part of it that is kept - or why it
// is left out. Pure: the same picture of the same dataset always gives the same plan, chance included.
import { hashSeed, uniformAt } from '../../lib/random';
import type { PictureBox } from '../../protocol/pictures';
import type { AspectBucket, CropStyle, PictureSettings } from './picture-settings';
import {
  aspectOf,
  bucketSize,
  coverScale,
  extentOf,
  isLargerThan,
  isSmallerThan,
  megapixels,
  squareSize,
  type Size,
} from './picture-size';

export interface PicturePlan {
  /** Width over height of the target, to two decimals. */
  aspect: number;
  /** Pixels of the stored picture. */
  target: Size;
  /** What is kept, in pixels of the upright picture. */
  crop: PictureBox;
}

/** Reasons of the filtering statistics. */
export type PictureOutcome = { plan: PicturePlan } | { leftOut: 'too_small' | 'aspect' };

/** Pixels: what would be longer is a strip, not a picture. */
const LONGEST_EDGE = 8192;

/** Draws that one picture needs, each by its own number. */
const DRAW = { aspect: 0, x: 1, y: 2 };

/**
 * @param picture its upright size.
 * @param key dataset and path: what chance hangs on.
 */
export function planPicture(
  picture: Size,
  settings: PictureSettings,
  key: readonly [datasetId: string, path: string],
): PictureOutcome {
  const part = partOf(picture, settings.part);
  const shape = part.width / part.height;
  const { minimumSize, minimumAspect, maximumAspect, unit } = settings;
  if (minimumSize !== null && isSmallerThan(part, minimumSize, unit)) return { leftOut: 'too_small' };
  if (shape < minimumAspect || shape > maximumAspect) return { leftOut: 'aspect' };
  const seed = hashSeed('picture', ...key);
  const target = targetOf(part, settings, seed);
  if (target === null) return { leftOut: 'too_small' };
  if (Math.max(target.width, target.height) > LONGEST_EDGE) return { leftOut: 'aspect' };
  const kept = place(part, keptSize(part, target, settings), settings.crop?.style ?? 'center', seed);
  const crop = { ...kept, x: kept.x + part.x, y: kept.y + part.y };
  return { plan: { aspect: aspectOf(target), target, crop } };
}

/** Pictures side by side are of one width. */
function partOf({ width, height }: Size, part: PictureSettings['part']): PictureBox {
  if (part === null) return { x: 0, y: 0, width, height };
  const each = Math.max(1, Math.floor(width / part.count));
  return { x: each * Math.min(part.index, part.count - 1), y: 0, width: each, height };
}

/** null: every bucket would need more enlarging than is allowed. */
function targetOf(picture: Size, settings: PictureSettings, seed: number): Size | null {
  const { crop, resolution, unit } = settings;
  if (crop?.aspect === 'square') return squareSize(resolution, unit);
  if (crop === null || crop.aspect === 'preserve') return bucketSize(aspectOf(picture), resolution, unit);
  const able = crop.buckets.filter(({ aspect }) => fits(picture, aspect, settings));
  const chosen =
    crop.aspect === 'closest' ? closest(able, aspectOf(picture)) : drawn(able, uniformAt(seed, DRAW.aspect));
  return chosen === null ? null : bucketSize(chosen.aspect, resolution, unit);
}

function fits(picture: Size, aspect: number, { maximumUpscale, resolution, unit }: PictureSettings): boolean {
  return (
    maximumUpscale === null || coverScale(picture, bucketSize(aspect, resolution, unit)) - 1 <= maximumUpscale
  );
}

/** The first of those that are equally near. */
function closest(buckets: readonly AspectBucket[], aspect: number): AspectBucket | null {
  const distance = (bucket: AspectBucket): number => Math.abs(bucket.aspect - aspect);
  return buckets.toSorted((a, b) => distance(a) - distance(b))[0] ?? null;
}

/** By their weights; where none has any, all are alike. */
function drawn(buckets: readonly AspectBucket[], draw: number): AspectBucket | null {
  const total = buckets.reduce((sum, { weight }) => sum + weight, 0);
  const weightOf = ({ weight }: AspectBucket): number => (total === 0 ? 1 : weight);
  let left = draw * (total === 0 ? buckets.length : total);
  for (const bucket of buckets) {
    left -= weightOf(bucket);
    if (left < 0) return bucket;
  }
  return buckets.at(-1) ?? null;
}

/**
 * How much of the picture is kept, in its own pixels. Without cropping as much as the target's shape allows. A crop is taken out
 * of the picture as it is, out of a smaller one where it is above the maximum, and out of an enlarged one where it is too small.
 */
function keptSize(picture: Size, target: Size, settings: PictureSettings): Size {
  const cover = coverScale(picture, target);
  const scale = settings.crop === null ? cover : Math.max(cover, cropScale(picture, settings));
  return {
    width: Math.min(picture.width, target.width / scale),
    height: Math.min(picture.height, target.height / scale),
  };
}

/** What the picture is resized by before it is cropped. */
function cropScale(picture: Size, { downsample, unit }: PictureSettings): number {
  if (downsample === null || !isLargerThan(picture, downsample.above, unit)) return 1;
  const { target } = downsample;
  const ratio = (unit === 'pixel' ? target : megapixels(target)) / extentOf(picture, unit);
  return Math.min(1, unit === 'pixel' ? ratio : Math.sqrt(ratio));
}

/** At whole pixels, so that what is cropped without resizing stays as sharp as it was. */
function place(picture: Size, kept: Size, style: CropStyle, seed: number): PictureBox {
  const [across, down] = shareBefore(style, seed);
  return {
    ...kept,
    x: Math.floor((picture.width - kept.width) * across),
    y: Math.floor((picture.height - kept.height) * down),
  };
}

/** Which shares of what is cut off are cut off on the left and at the top. */
function shareBefore(style: CropStyle, seed: number): [across: number, down: number] {
  switch (style) {
    case 'center':
      return [0.5, 0.5];
    // The lower right one, as SimpleTuner's.
    case 'corner':
      return [1, 1];
    case 'random':
      return [uniformAt(seed, DRAW.x), uniformAt(seed, DRAW.y)];
  }
}
