// Sizes of pictures: how large one becomes of an aspect and a resolution, and how much of either it has. Pure. Edges are
// multiples of 64 pixels, SimpleTuner's default alignment of aspect buckets; squares keep the edge that was asked for.

export interface Size {
  /** Pixels. */
  width: number;
  height: number;
}

export type SizeUnit = 'pixel' | 'area';

/** Edges of a bucket are multiples of it. */
export const ALIGNMENT = 64;
/** Sizes of `area` above it are meant as an edge in pixels (SYSTEMS 1.D: sizes > 10 treated as pixel edge). */
const LARGEST_AREA = 10;
const PIXELS_PER_MEGAPIXEL = 1e6;

/** Width over height to two decimals, at least 0.01: the name of a bucket. */
export function aspectOf({ width, height }: Size): number {
  return Math.max(1, Math.round((width / height) * 100)) / 100;
}

/** @param size megapixels, or an edge in pixels where it is above 10. @returns megapixels. */
export function megapixels(size: number): number {
  return size > LARGEST_AREA ? (size * size) / PIXELS_PER_MEGAPIXEL : size;
}

/** How large a picture is in a unit: its shorter edge in pixels, or its megapixels. */
export function extentOf({ width, height }: Size, unit: SizeUnit): number {
  return unit === 'pixel' ? Math.min(width, height) : (width * height) / PIXELS_PER_MEGAPIXEL;
}

/** `maximum_image_size`: one edge is longer than it, or the area is larger. */
export function isLargerThan(size: Size, limit: number, unit: SizeUnit): boolean {
  return unit === 'pixel'
    ? Math.max(size.width, size.height) > limit
    : extentOf(size, unit) > megapixels(limit);
}

/** `minimum_image_size`: the shorter edge is shorter, or the area is smaller. */
export function isSmallerThan(size: Size, limit: number, unit: SizeUnit): boolean {
  return extentOf(size, unit) < (unit === 'pixel' ? limit : megapixels(limit));
}

/** The square of a resolution: exactly its edge in pixels; of an area the nearest aligned one. */
export function squareSize(resolution: number, unit: SizeUnit): Size {
  const edge =
    unit === 'pixel'
      ? Math.round(resolution)
      : aligned(Math.sqrt(megapixels(resolution) * PIXELS_PER_MEGAPIXEL));
  return { width: edge, height: edge };
}

/**
 * The size of a bucket: `pixel` is its shorter edge, `area` its megapixels, and neither falls short of it.
 * @param aspect width over height, above 0.
 */
export function bucketSize(aspect: number, resolution: number, unit: SizeUnit): Size {
  if (aspect === 1) return squareSize(resolution, unit);
  return unit === 'pixel' ? sizeByEdge(aspect, resolution) : sizeByArea(aspect, megapixels(resolution));
}

function sizeByEdge(aspect: number, edge: number): Size {
  const nearest = aligned(edge);
  const shorter = nearest < edge ? nearest + ALIGNMENT : nearest;
  const longer = Math.max(shorter, aligned(edge * Math.max(aspect, 1 / aspect)));
  return aspect > 1 ? { width: longer, height: shorter } : { width: shorter, height: longer };
}

function sizeByArea(aspect: number, area: number): Size {
  const pixels = Math.round(area * PIXELS_PER_MEGAPIXEL);
  let width = aligned(Math.sqrt(pixels * aspect));
  let height = aligned(Math.sqrt(pixels / aspect));
  while (width * height < pixels) {
    width += ALIGNMENT;
    height = aligned(width / aspect);
  }
  return { width, height };
}

function aligned(pixels: number): number {
  return Math.max(ALIGNMENT, Math.round(pixels / ALIGNMENT) * ALIGNMENT);
}

/** What a picture has to be enlarged by to cover another size; below 1 it is made smaller. */
export function coverScale(size: Size, target: Size): number {
  return Math.max(target.width / size.width, target.height / size.height);
}
