// A picture as the numbers that a vision encoder reads: resized, its middle cut out, colours scaled and normalised, one plane
// for each colour. Pure.
import { preparedSize, type PicturePreprocessing } from '../../core/picture-preprocessing';
import type { Size } from './picture-size';
import { resizePixels, type Pixels } from './resize-pixels';

/** @returns [3, height, width], red first. @throws AppError `model.unsupported` where pictures keep sizes of their own. */
export function preparePixels(picture: Pixels, preprocessing: PicturePreprocessing): Float32Array {
  const { resize, filter } = preprocessing;
  const target = resize === null ? picture : targetOf(picture, resize);
  const isSame = target.width === picture.width && target.height === picture.height;
  return planes(isSame ? picture : resizePixels(picture, target, filter), preprocessing);
}

function targetOf({ width, height }: Size, resize: NonNullable<PicturePreprocessing['resize']>): Size {
  if ('width' in resize) return resize;
  const { shorter } = resize;
  const longer = Math.trunc((shorter * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: shorter, height: longer } : { width: longer, height: shorter };
}

function planes(picture: Pixels, preprocessing: PicturePreprocessing): Float32Array {
  const { scale, mean, deviation } = preprocessing;
  const { width, height } = preparedSize(preprocessing);
  const left = Math.floor((picture.width - width) / 2);
  const top = Math.floor((picture.height - height) / 2);
  const result = new Float32Array(3 * width * height);
  let at = 0;
  mean.forEach((middle, colour) => {
    for (let y = top; y < top + height; y += 1) {
      for (let x = left; x < left + width; x += 1) {
        const inside = x >= 0 && y >= 0 && x < picture.width && y < picture.height;
        const level = inside ? (picture.values[3 * (y * picture.width + x) + colour] ?? 0) : 0;
        result[at++] = (level * scale - middle) / (deviation[colour] ?? 1);
      }
    }
  });
  return result;
}
