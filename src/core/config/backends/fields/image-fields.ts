// Settings of pictures: size, shape and cropping, and what becomes of those that do not fit.
import * as v from 'valibot';
import { above, field, flag, listOf, numberFrom, oneOf, section } from '../field';

export const RESOLUTION_TYPES = ['pixel', 'area', 'pixel_area'] as const;
export const CROP_ASPECTS = ['square', 'preserve', 'random', 'closest'] as const;
export const CROP_STYLES = ['random', 'corner', 'center', 'centre', 'face'] as const;

const bucket = v.union(
  [
    above(0),
    section({
      aspect_bucket: field('images', 'Width over height.', above(0)),
      weight: v.optional(field('images', 'How often it is drawn.', numberFrom(0)), 1),
    }),
  ],
  'a number above 0, or an aspect_bucket with a weight',
);

export const imageFields = {
  resolution: v.optional(field('images', 'Size of pictures, in the unit of resolution_type.', above(0))),
  resolution_type: v.optional(
    field(
      'images',
      'pixel is the shorter edge, area megapixels; pixel_area an edge, counted as area.',
      oneOf(RESOLUTION_TYPES),
    ),
    'pixel',
  ),
  maximum_image_size: v.optional(
    field('images', 'Larger pictures are made smaller before they are cropped.', above(0)),
  ),
  target_downsample_size: v.optional(
    field('images', 'The size that larger pictures are brought to.', above(0)),
  ),
  minimum_image_size: v.optional(field('images', 'Smaller pictures are left out.', above(0))),
  minimum_aspect_ratio: v.optional(field('images', 'Narrower pictures are left out.', above(0))),
  maximum_aspect_ratio: v.optional(field('images', 'Wider pictures are left out.', above(0))),
  crop: v.optional(field('images', 'Pictures are cropped.', flag()), false),
  crop_aspect: v.optional(field('images', 'The shape that is cropped to.', oneOf(CROP_ASPECTS)), 'square'),
  crop_style: v.optional(field('images', 'Which part of a picture is kept.', oneOf(CROP_STYLES)), 'random'),
  crop_aspect_buckets: v.optional(
    field('images', 'Shapes that random and closest choose from.', listOf(bucket, 'a list of aspects')),
  ),
  max_upscale_threshold: v.optional(
    field('images', 'Shapes that need more enlarging than this share are left out.', numberFrom(0, 1)),
  ),
};
