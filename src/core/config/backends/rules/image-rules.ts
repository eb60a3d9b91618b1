// Sizes and shapes of pictures that fit each other.
import { areaSettings } from '../implied-settings';
import type { ConfigRule, Report } from './findings';

const SIZES = ['maximum_image_size', 'target_downsample_size'] as const;
/** Megapixels: an area of this size was meant as pixels. */
const AREA_LIMIT = 20;
/** Pixels: an edge below was meant as megapixels. */
const LEAST_EDGE = 512;

export const imageRules: ConfigRule = (config, problem) => {
  if (config['dataset_type'] !== 'image') return;
  downsampling(config, problem);
  sizes({ ...config, ...areaSettings(config) }, problem);
  shapes(config, problem);
  faces(config, problem);
};

function downsampling(config: Readonly<Record<string, unknown>>, problem: Report) {
  for (const [set, missing] of [SIZES, SIZES.toReversed()]) {
    if (
      set === undefined ||
      missing === undefined ||
      config[set] === undefined ||
      config[missing] !== undefined
    )
      continue;
    problem(missing, `${set} needs ${missing} beside it.`, `Set ${missing}, or remove ${set}.`);
  }
}

function sizes(config: Readonly<Record<string, unknown>>, problem: Report) {
  const isArea = config['resolution_type'] === 'area';
  for (const key of SIZES) {
    const size = config[key];
    if (typeof size !== 'number') continue;
    if (isArea && size >= AREA_LIMIT) {
      problem(
        key,
        `${key} must be below ${AREA_LIMIT} megapixels: ${size}.`,
        'Give megapixels, or set resolution_type to pixel.',
      );
    }
    if (!isArea && size < LEAST_EDGE) {
      problem(
        key,
        `${key} must be at least ${LEAST_EDGE} pixels: ${size}.`,
        'Give pixels, or set resolution_type to area.',
      );
    }
  }
}

/** Nothing here finds faces, and a crop elsewhere would not be what was asked for. */
function faces({ crop, crop_style: style }: Readonly<Record<string, unknown>>, problem: Report) {
  if (crop !== true || style !== 'face') return;
  problem(
    'crop_style',
    'crop_style face needs a face detector, and none is installed.',
    'Set crop_style to center, corner or random.',
  );
}

function shapes(config: Readonly<Record<string, unknown>>, problem: Report) {
  const {
    crop_aspect: aspect,
    crop_aspect_buckets: buckets,
    minimum_aspect_ratio: least,
    maximum_aspect_ratio: most,
  } = config;
  if ((aspect === 'random' || aspect === 'closest') && buckets === undefined) {
    problem(
      'crop_aspect_buckets',
      `crop_aspect ${aspect} needs crop_aspect_buckets.`,
      'List the aspects, for example [0.75, 1, 1.5].',
    );
  }
  if (typeof least === 'number' && typeof most === 'number' && least > most) {
    const fact = `minimum_aspect_ratio is above maximum_aspect_ratio: ${least} and ${most}.`;
    problem('minimum_aspect_ratio', fact, 'Exchange them, or remove one.');
  }
}
