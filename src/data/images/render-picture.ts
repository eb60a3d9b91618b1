// A picture decoded, cropped and resized by the browser. One at a time is in memory, four bytes a pixel, and is given back as
// soon as it is drawn. What to do with it is asked once its real, upright size is known.
import { AppError, messageOf } from '../../lib/errors';
import type { Size } from './picture-size';
import type { PicturePlan } from './plan-picture';

export interface RenderedPicture {
  /** Upright. */
  size: Size;
  plan: PicturePlan;
  image: Blob;
}

/**
 * @param planFor null where the picture is not wanted.
 * @throws AppError `dataset.bad-picture` where it cannot be decoded.
 */
export type RenderPicture = (
  picture: Blob,
  planFor: (size: Size) => PicturePlan | null,
) => Promise<RenderedPicture | null>;

/** A browser that does not write it gives PNG; each picture says what it is. */
const STORED_TYPE = 'image/webp';
const STORED_QUALITY = 0.92;

/** In a worker or on a page. */
export const renderPicture: RenderPicture = async (picture, planFor) => {
  const bitmap = await decode(picture);
  try {
    const size = { width: bitmap.width, height: bitmap.height };
    const plan = planFor(size);
    if (plan === null) return null;
    return { size, plan, image: await draw(bitmap, plan) };
  } finally {
    bitmap.close();
  }
};

async function decode(picture: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(picture, { imageOrientation: 'from-image' });
  } catch (cause) {
    throw new AppError('dataset.bad-picture', `It cannot be decoded: ${messageOf(cause)}`, {
      remedy: 'Open it in an editor and save it again.',
      cause,
    });
  }
}

async function draw(bitmap: ImageBitmap, { crop, target }: PicturePlan): Promise<Blob> {
  const canvas = new OffscreenCanvas(target.width, target.height);
  const context = canvas.getContext('2d');
  if (context === null) throw new AppError('internal', 'This browser gives no canvas to draw pictures on.');
  context.imageSmoothingQuality = 'high';
  const { x, y, width, height } = crop;
  context.drawImage(bitmap, x, y, width, height, 0, 0, target.width, target.height);
  return canvas.convertToBlob({ type: STORED_TYPE, quality: STORED_QUALITY });
}
