import { describe, expect, it } from 'vitest';
import { preparedSize, readPicturePreprocessing } from './picture-preprocessing';

const CLIP = {
  do_resize: true,
  size: { shortest_edge: 224 },
  resample: 3,
  do_center_crop: true,
  crop_size: { height: 224, width: 224 },
  do_rescale: true,
  rescale_factor: 0.5,
  do_normalize: true,
  image_mean: [0.1, 0.2, 0.3],
  image_std: [0.4, 0.5, 0.6],
};

describe('preprocessing of pictures', () => {
  it('as CLIP writes it: the shorter edge, then the middle', () => {
    expect(readPicturePreprocessing(CLIP)).toEqual({
      resize: { shorter: 224 },
      crop: { width: 224, height: 224 },
      filter: 'bicubic',
      scale: 0.5,
      mean: [0.1, 0.2, 0.3],
      deviation: [0.4, 0.5, 0.6],
    });
  });

  it('older files: numbers alone are the shorter edge where a crop follows, both edges otherwise', () => {
    const old = { ...CLIP, size: 32, crop_size: 24 };
    expect(readPicturePreprocessing(old)).toMatchObject({
      resize: { shorter: 32 },
      crop: { width: 24, height: 24 },
    });
    const vit = readPicturePreprocessing({ ...CLIP, size: 32, do_center_crop: false });
    expect(vit).toMatchObject({ resize: { width: 32, height: 32 }, crop: null });
    expect(preparedSize(vit)).toEqual({ width: 32, height: 32 });
  });

  it('what is switched off is not done', () => {
    const off = { do_resize: false, do_rescale: false, do_normalize: false, crop_size: 8 };
    expect(readPicturePreprocessing(off)).toMatchObject({
      ...{ resize: null, crop: { width: 8, height: 8 }, scale: 1, mean: [0, 0, 0], deviation: [1, 1, 1] },
    });
  });

  it.each([
    [{ ...CLIP, size: undefined }, 'size is missing'],
    [{ ...CLIP, size: { longest_edge: 9 } }, 'size is'],
    [{ ...CLIP, image_mean: undefined }, 'image_mean or image_std is missing'],
    [{ ...CLIP, image_std: [1, 0, 1] }, 'image_std'],
    [{ ...CLIP, resample: 7 }, 'resample'],
    [null, 'is not understood'],
  ])('%j is refused', (json, message) => {
    expect(() => readPicturePreprocessing(json)).toThrow(message);
  });

  it('pictures of several sizes are refused', () => {
    expect(() => preparedSize(readPicturePreprocessing({ ...CLIP, do_center_crop: false }))).toThrow(
      'several sizes',
    );
  });
});
