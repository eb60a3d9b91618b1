import { describe, expect, it } from 'vitest';
import { pictureSettings, type PictureConfig } from './picture-settings';
import { bucketSize, squareSize } from './picture-size';
import { planPicture, type PicturePlan } from './plan-picture';

const size = (width: number, height: number) => ({ width, height });

function outcome(picture: [number, number], config: PictureConfig, path = 'a.png', id = 'photos') {
  return planPicture(size(...picture), pictureSettings(config), [id, path]);
}

function plan(...args: Parameters<typeof outcome>): PicturePlan {
  const result = outcome(...args);
  if ('leftOut' in result) throw new Error(result.leftOut);
  return result.plan;
}

const PIXEL = { resolution: 512, resolution_type: 'pixel' };
const AREA = { resolution: 1, resolution_type: 'area' };
const CENTER = { ...PIXEL, crop: true, crop_style: 'center' };

describe('sizes of buckets', () => {
  it.each([
    // The shorter edge is the resolution; the other is the nearest multiple of 64.
    [1.5, 512, size(768, 512)],
    [0.67, 512, size(512, 768)],
    [1.78, 1024, size(1792, 1024)],
    // A resolution between two multiples is not fallen short of.
    [2, 500, size(1024, 512)],
    [2, 530, size(1088, 576)],
    [1, 500, size(500, 500)],
  ])('pixel: aspect %d at %d', (aspect, edge, expected) => {
    expect(bucketSize(aspect, edge, 'pixel')).toEqual(expected);
  });

  it.each([
    [1, 1, size(1024, 1024)],
    [1, 0.25, size(512, 512)],
    [1.5, 1, size(1216, 832)],
    [0.5, 1, size(768, 1536)],
    // Above 10 it is an edge in pixels.
    [1, 512, size(512, 512)],
    [1.5, 1000, size(1216, 832)],
  ])('area: aspect %d of %d megapixels has at least that area', (aspect, area, expected) => {
    const found = bucketSize(aspect, area, 'area');
    expect(found).toEqual(expected);
    expect(found.width * found.height).toBeGreaterThanOrEqual(area > 10 ? area ** 2 : area * 1e6);
  });

  it('square: an edge in pixels stays as it is, that of an area is aligned', () => {
    expect(squareSize(224, 'pixel')).toEqual(size(224, 224));
    expect(squareSize(0.5, 'area')).toEqual(size(704, 704));
  });
});

describe('what becomes of a picture', () => {
  it('without crop: its shape stays, and what alignment costs is cut off around the middle', () => {
    expect(plan([1000, 700], PIXEL)).toEqual({
      aspect: 1.38,
      target: size(704, 512),
      crop: { x: 18, y: 0, width: 962.5, height: 700 },
    });
    expect(plan([512, 512], PIXEL).crop).toEqual({ x: 0, y: 0, width: 512, height: 512 });
  });

  it('without a resolution: 512 pixels', () => {
    expect(plan([2000, 1000], {}).target).toEqual(size(1024, 512));
  });

  it('crop square: taken out of the picture as it is', () => {
    expect(plan([4096, 2048], CENTER)).toEqual({
      aspect: 1,
      target: size(512, 512),
      crop: { x: 1792, y: 768, width: 512, height: 512 },
    });
  });

  it('crop of a picture that is too small: it is enlarged', () => {
    expect(plan([256, 128], CENTER).crop).toEqual({ x: 64, y: 0, width: 128, height: 128 });
  });

  it('maximum_image_size and target_downsample_size: larger pictures are made smaller before', () => {
    const config = { ...CENTER, maximum_image_size: 1024, target_downsample_size: 1024 };
    // Its shorter edge becomes 1024: 512 of them are 1024 of its own pixels.
    expect(plan([4096, 2048], config).crop).toEqual({ x: 1536, y: 512, width: 1024, height: 1024 });
    expect(plan([1024, 1024], config).crop.width).toBe(512);
    const area = {
      resolution_type: 'area',
      resolution: 0.25,
      crop: true,
      crop_style: 'center',
      maximum_image_size: 4,
      target_downsample_size: 1,
    };
    // 16 megapixels become 1: an edge of 4000 becomes 1000.
    expect(plan([4000, 4000], area).crop.width).toBe(512 * 4);
    expect(plan([2000, 2000], area).crop.width).toBe(512);
  });

  it('maximum_image_size: never made smaller than the crop', () => {
    const config = { ...CENTER, resolution: 1024, maximum_image_size: 1024, target_downsample_size: 512 };
    expect(plan([4096, 2048], config).crop).toMatchObject({ width: 2048, height: 2048 });
  });

  it('minimum_image_size: by the shorter edge, or by the area', () => {
    expect(outcome([800, 500], { ...PIXEL, minimum_image_size: 512 })).toEqual({ leftOut: 'too_small' });
    expect(outcome([800, 512], { ...PIXEL, minimum_image_size: 512 })).toHaveProperty('plan');
    expect(outcome([1280, 780], { ...AREA, minimum_image_size: 1 })).toEqual({ leftOut: 'too_small' });
    expect(outcome([1280, 960], { ...AREA, minimum_image_size: 1 })).toHaveProperty('plan');
    expect(outcome([1280, 960], { ...AREA, minimum_image_size: 1024 })).toHaveProperty('plan');
    expect(outcome([1000, 1000], { ...AREA, minimum_image_size: 1024 })).toEqual({ leftOut: 'too_small' });
  });

  it('minimum and maximum_aspect_ratio: what is narrower or wider is left out', () => {
    const config = { ...PIXEL, minimum_aspect_ratio: 0.5, maximum_aspect_ratio: 2 };
    expect(outcome([600, 1201], config)).toEqual({ leftOut: 'aspect' });
    expect(outcome([1201, 600], config)).toEqual({ leftOut: 'aspect' });
    expect(outcome([600, 1200], config)).toHaveProperty('plan');
    expect(outcome([1200, 600], config)).toHaveProperty('plan');
  });

  it('a strip that would become endless is left out for its shape', () => {
    expect(outcome([9000, 3], PIXEL)).toEqual({ leftOut: 'aspect' });
    expect(outcome([1, 1000], PIXEL)).toEqual({ leftOut: 'aspect' });
  });

  it('crop_aspect preserve: the shape of the picture', () => {
    expect(plan([3000, 2000], { ...CENTER, crop_aspect: 'preserve' })).toMatchObject({
      target: size(768, 512),
      crop: { width: 768, height: 512 },
    });
  });

  it('crop_aspect closest: the nearest bucket', () => {
    const config: PictureConfig = {
      ...CENTER,
      crop_aspect: 'closest',
      crop_aspect_buckets: [0.5, { aspect_bucket: 1, weight: 0 }, 1.5],
    };
    expect(plan([1400, 1000], config).aspect).toBe(1.5);
    expect(plan([1200, 1000], config).aspect).toBe(1);
    expect(plan([100, 1000], config).aspect).toBe(0.5);
  });

  it('crop_aspect random: as often as the weights say, always the same for one picture', () => {
    const config: PictureConfig = {
      ...CENTER,
      crop_aspect: 'random',
      crop_aspect_buckets: [
        { aspect_bucket: 0.5, weight: 3 },
        { aspect_bucket: 2, weight: 1 },
      ],
    };
    const aspects = Array.from({ length: 2000 }, (_, i) => plan([900, 900], config, `${i}.png`).aspect);
    const narrow = aspects.filter((aspect) => aspect === 0.5).length / aspects.length;
    // Standard error of the share: 0.01.
    expect(Math.abs(narrow - 0.75)).toBeLessThan(0.05);
    expect(new Set(aspects)).toEqual(new Set([0.5, 2]));
    expect(aspects).toEqual(aspects.map((_, i) => plan([900, 900], config, `${i}.png`).aspect));
    const unweighted = { ...config, crop_aspect_buckets: [1, 2] };
    const drawn = Array.from({ length: 50 }, (_, i) => plan([900, 900], unweighted, `${i}.png`).aspect);
    expect(new Set(drawn)).toEqual(new Set([1, 2]));
  });

  it('max_upscale_threshold: buckets that need more enlarging are dropped', () => {
    const config: PictureConfig = {
      ...CENTER,
      crop_aspect: 'closest',
      crop_aspect_buckets: [1, 2],
      max_upscale_threshold: 0.2,
    };
    // To 1024 x 512 it would have to grow by 1.7: only the square is left.
    expect(plan([600, 480], { ...config, crop_aspect_buckets: [2, 1] }).aspect).toBe(1);
    expect(outcome([400, 400], config)).toEqual({ leftOut: 'too_small' });
    expect(plan([400, 400], { ...config, max_upscale_threshold: undefined }).aspect).toBe(1);
  });

  it.each([
    ['center', { x: 244, y: 144 }],
    ['centre', { x: 244, y: 144 }],
    ['corner', { x: 488, y: 288 }],
  ])('crop_style %s', (style, at) => {
    expect(plan([1000, 800], { ...CENTER, crop_style: style }).crop).toMatchObject(at);
  });

  it('crop_style random: within the picture, by dataset and path', () => {
    const config = { ...CENTER, crop_style: 'random' };
    const boxes = Array.from({ length: 200 }, (_, i) => plan([1000, 800], config, `${i}.png`).crop);
    for (const { x, y, width, height } of boxes) {
      expect([x, y].every((at) => Number.isInteger(at) && at >= 0)).toBe(true);
      expect(x + width <= 1000 && y + height <= 800).toBe(true);
    }
    expect(new Set(boxes.map(({ x }) => x)).size).toBeGreaterThan(100);
    const again = plan([1000, 800], config, '7.png').crop;
    expect(again).toEqual(boxes[7]);
    expect(plan([1000, 800], config, '7.png', 'other').crop).not.toEqual(again);
  });

  it('composite_image_config: one of several pictures side by side', () => {
    const config = {
      ...PIXEL,
      composite_image_config: { enabled: true, image_count: 3, select_index: 2 },
    };
    expect(plan([1536, 512], config)).toEqual({
      aspect: 1,
      target: size(512, 512),
      crop: { x: 1024, y: 0, width: 512, height: 512 },
    });
  });
});
