// The pixels of a stored picture, by the browser: what shows through is white. Nothing is kept.
import { AppError } from '../../lib/errors';
import type { Pixels } from './resize-pixels';

/** @throws AppError `dataset.bad-picture`. */
export type ReadPixels = (picture: Blob) => Promise<Pixels>;

/** In a worker or on a page. */
export const readPixels: ReadPixels = async (picture) => {
  const bitmap = await createImageBitmap(picture).catch((cause: unknown) => {
    throw new AppError('dataset.bad-picture', 'A stored picture cannot be decoded.', {
      remedy: 'Read its source again.',
      cause,
    });
  });
  try {
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    if (context === null)
      throw new AppError('internal', 'This browser gives no canvas to read pictures from.');
    context.fillStyle = 'white';
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    return { width, height, values: withoutAlpha(context.getImageData(0, 0, width, height).data) };
  } finally {
    bitmap.close();
  }
};

function withoutAlpha(data: Uint8ClampedArray): Float32Array {
  const values = new Float32Array((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    values[to] = data[from] ?? 0;
    values[to + 1] = data[from + 1] ?? 0;
    values[to + 2] = data[from + 2] ?? 0;
  }
  return values;
}
