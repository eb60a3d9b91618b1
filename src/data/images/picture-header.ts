// What a picture says about itself before it is decoded: its type, its size and whether it moves. Nothing is decoded here, so a
// small file that would unpack into gigabytes is found out by its header. Pure; sizes are read by image-size.
import { imageSize } from 'image-size';
import { isAnimated } from './animated-picture';
import type { Size } from './picture-size';
import { PICTURE_EXTENSIONS } from './picture-types';

/** Decoded it takes 4 bytes a pixel. */
const MOST_PIXELS = 64 * 2 ** 20;
export const MOST_PICTURE_BYTES = 64 * 2 ** 20;

const TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  avif: 'image/avif',
  bmp: 'image/bmp',
};

export interface PictureHeader {
  /** Media type. */
  type: string;
  /** Upright, as far as the header tells. */
  size: Size;
}

/** The header, or why the picture cannot be used: one sentence that goes on after its path. */
export function readPictureHeader(
  bytes: Uint8Array<ArrayBuffer>,
): { header: PictureHeader } | { broken: string } {
  if (bytes.length === 0) return { broken: 'is empty (0 bytes).' };
  const found = sizeIn(bytes);
  const type = found === null ? undefined : TYPES[found.type ?? ''];
  if (found === null || type === undefined) {
    return { broken: `is no picture that can be read: expected is ${PICTURE_EXTENSIONS.join(', ')}.` };
  }
  const { width, height, orientation = 1 } = found;
  if (!(width > 0 && height > 0)) return { broken: `has no area: ${width} x ${height} pixels.` };
  if (width * height > MOST_PIXELS) {
    const most = Math.floor(MOST_PIXELS / 1e6);
    return { broken: `is too large to be decoded: ${width} x ${height} pixels, at most ${most} megapixels.` };
  }
  if (isAnimated(bytes, type)) return { broken: 'is animated: only pictures that stand still are taken.' };
  // From 5 on it lies on its side.
  return { header: { type, size: orientation < 5 ? { width, height } : { width: height, height: width } } };
}

/** null where it is none, or is cut off. */
function sizeIn(bytes: Uint8Array): ReturnType<typeof imageSize> | null {
  try {
    return imageSize(bytes);
  } catch {
    return null;
  }
}
