// What a configuration says about sizes and shapes of pictures, as numbers to reckon with. Pure; its rules were checked before.
import type { CROP_ASPECTS } from '../../core/config/backends/fields/image-fields';
import type { SizeUnit } from './picture-size';

/** Where nothing is set: edge in pixels, or the area of that edge. */
export const DEFAULT_RESOLUTION = 512;

export interface AspectBucket {
  aspect: number;
  /** How often it is drawn, beside the others. */
  weight: number;
}

export interface PictureSettings {
  unit: SizeUnit;
  resolution: number;
  /** Larger pictures are brought to `target` before they are cropped; both in `unit`. */
  downsample: { above: number; target: number } | null;
  minimumSize: number | null;
  minimumAspect: number;
  maximumAspect: number;
  /** null: pictures keep their shape and are fitted as a whole. */
  crop: { aspect: (typeof CROP_ASPECTS)[number]; style: CropStyle; buckets: readonly AspectBucket[] } | null;
  /** Share of enlarging that a bucket may need at most; null for any. */
  maximumUpscale: number | null;
  /** Which of several pictures side by side is taken; null where a picture is one. */
  part: { count: number; index: number } | null;
}

export type CropStyle = 'random' | 'corner' | 'center';

/** The keys that are read here, with their names in a configuration; `pixel_area` became `area` before. */
export interface PictureConfig {
  resolution?: number | undefined;
  resolution_type?: string | undefined;
  maximum_image_size?: number | undefined;
  target_downsample_size?: number | undefined;
  minimum_image_size?: number | undefined;
  minimum_aspect_ratio?: number | undefined;
  maximum_aspect_ratio?: number | undefined;
  crop?: boolean | undefined;
  crop_aspect?: (typeof CROP_ASPECTS)[number] | undefined;
  crop_style?: string | undefined;
  crop_aspect_buckets?: readonly (number | { aspect_bucket: number; weight: number })[] | undefined;
  max_upscale_threshold?: number | undefined;
  composite_image_config?: { enabled: boolean; image_count: number; select_index: number } | undefined;
}

export function pictureSettings(config: PictureConfig): PictureSettings {
  const { maximum_image_size: above, target_downsample_size: target, composite_image_config: parts } = config;
  return {
    unit: config.resolution_type === 'pixel' || config.resolution_type === undefined ? 'pixel' : 'area',
    resolution: config.resolution ?? DEFAULT_RESOLUTION,
    downsample: above === undefined || target === undefined ? null : { above, target },
    minimumSize: config.minimum_image_size ?? null,
    minimumAspect: config.minimum_aspect_ratio ?? 0,
    maximumAspect: config.maximum_aspect_ratio ?? Infinity,
    crop: config.crop === true ? cropSettings(config) : null,
    maximumUpscale: config.max_upscale_threshold ?? null,
    part: parts?.enabled === true ? { count: parts.image_count, index: parts.select_index } : null,
  };
}

function cropSettings(config: PictureConfig): PictureSettings['crop'] {
  const {
    crop_aspect: aspect = 'square',
    crop_style: style = 'random',
    crop_aspect_buckets: buckets = [],
  } = config;
  return {
    aspect,
    // Faces are refused where configurations are checked: there is nothing here that finds them.
    style: style === 'centre' || style === 'face' ? 'center' : (style as CropStyle),
    buckets: buckets.map((bucket) =>
      typeof bucket === 'number'
        ? { aspect: bucket, weight: 1 }
        : { aspect: bucket.aspect_bucket, weight: bucket.weight },
    ),
  };
}
