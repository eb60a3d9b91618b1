// How pictures are prepared for a vision encoder, by its preprocessor_config.json: the size that they are brought to, the middle
// that is cut out, and how colours become numbers. Parsed here, done by whoever has the pictures. Pure.
import * as v from 'valibot';
import { AppError } from '../lib/errors';
import { PREPROCESSOR_CONFIG } from './model-file-name';

/** As PIL calls them: the filters that pictures are resized by. */
export type PictureFilter = 'nearest' | 'lanczos' | 'bilinear' | 'bicubic' | 'box';
type Triple = readonly [red: number, green: number, blue: number];

export interface PicturePreprocessing {
  /** null leaves a picture's size. */
  resize: { shorter: number } | { width: number; height: number } | null;
  /** Cut out of the middle; what lies outside a picture is black. */
  crop: { width: number; height: number } | null;
  filter: PictureFilter;
  /** Levels of 0 to 255 are multiplied by it. */
  scale: number;
  /** Taken off, then divided by, for each colour. */
  mean: Triple;
  deviation: Triple;
}

const FILTERS: readonly PictureFilter[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box'];
const edge = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096));
const size = v.union([edge, v.object({ width: edge, height: edge }), v.object({ shortest_edge: edge })]);
const triple = v.tuple([v.number(), v.number(), v.number()]);
const positive = v.pipe(v.number(), v.gtValue(0));
const schema = v.object({
  do_resize: v.optional(v.boolean(), true),
  size: v.optional(size),
  resample: v.optional(v.picklist([0, 1, 2, 3, 4]), 2),
  do_center_crop: v.optional(v.boolean()),
  crop_size: v.optional(size),
  do_rescale: v.optional(v.boolean(), true),
  rescale_factor: v.optional(positive, 1 / 255),
  do_normalize: v.optional(v.boolean(), true),
  image_mean: v.optional(triple),
  image_std: v.optional(v.tuple([positive, positive, positive])),
});

/** @throws AppError `model.unsupported` naming what is not understood. */
export function readPicturePreprocessing(json: unknown): PicturePreprocessing {
  const parsed = v.safeParse(schema, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw unsupported(`${v.getDotPath(issue) ?? 'it'} is ${issue.received}`);
  }
  const config = parsed.output;
  if (config.do_normalize && (config.image_mean === undefined || config.image_std === undefined))
    throw unsupported('image_mean or image_std is missing');
  const isCropped = config.do_center_crop ?? config.crop_size !== undefined;
  return {
    resize: config.do_resize ? resizeOf(config.size, isCropped) : null,
    crop: isCropped ? cropOf(config.crop_size) : null,
    filter: FILTERS[config.resample] ?? 'bilinear',
    scale: config.do_rescale ? config.rescale_factor : 1,
    mean: config.do_normalize ? (config.image_mean ?? [0, 0, 0]) : [0, 0, 0],
    deviation: config.do_normalize ? (config.image_std ?? [1, 1, 1]) : [1, 1, 1],
  };
}

/** The size that every picture comes to. @throws AppError `model.unsupported` where pictures keep sizes of their own. */
export function preparedSize({ crop, resize }: PicturePreprocessing): { width: number; height: number } {
  if (crop !== null) return crop;
  if (resize !== null && 'width' in resize) return resize;
  throw unsupported('it gives pictures of several sizes');
}

type WrittenSize = v.InferOutput<typeof size> | undefined;

/** A number alone is the shorter edge where a crop follows, as CLIP writes it, and both edges otherwise, as ViT does. */
function resizeOf(written: WrittenSize, isCropped: boolean): NonNullable<PicturePreprocessing['resize']> {
  if (written === undefined) throw unsupported('size is missing');
  if (typeof written === 'number')
    return isCropped ? { shorter: written } : { width: written, height: written };
  return 'shortest_edge' in written ? { shorter: written.shortest_edge } : written;
}

function cropOf(written: WrittenSize): { width: number; height: number } {
  if (typeof written === 'number') return { width: written, height: written };
  if (written !== undefined && 'width' in written) return written;
  throw unsupported('crop_size is no width and height');
}

function unsupported(fact: string): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `${PREPROCESSOR_CONFIG} is not understood: ${fact}.`, {
    remedy:
      'Use the one that belongs to the model, with a size and, where it normalises, image_mean and image_std.',
  });
}
