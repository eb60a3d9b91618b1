// What some settings say about others: the place about its metadata and captions, a cache that is never written about when
// it is filled, random shapes about how long features last, edges about areas.
import { isStore } from './dataset-types';

type Config = Readonly<Record<string, unknown>>;

/** Larger sizes are taken for the edge of a picture in pixels, not for megapixels. */
const LARGEST_AREA = 10;

export function impliedSettings(config: Config): Record<string, unknown> {
  return { ...placeDefaults(config), ...config, ...cacheSettings(config), ...areaSettings(config) };
}

/** Defaults that hang on the place; what is set stays. */
export function placeDefaults(config: Config): Record<string, unknown> {
  const { type, dataset_type: kind } = config;
  if (isStore(config)) return {};
  if (type === 'csv') return { caption_strategy: 'csv' };
  // Without a strategy of their own, captions without pictures are what is in the files.
  if (type !== 'huggingface') return kind === 'caption' ? { metadata_backend: 'caption' } : {};
  // Texts are in the columns of the rows themselves, unless one is named for captions.
  const hasCaptions = config['caption_column'] !== undefined || kind === 'image' || kind === 'caption';
  return { metadata_backend: 'huggingface', ...(hasCaptions ? { caption_strategy: 'huggingface' } : {}) };
}

function cacheSettings(config: Config): Record<string, unknown> {
  const implied: Record<string, unknown> = {};
  if (config['text_cache_disable'] === true) implied['text_cache_ondemand'] = true;
  if (config['vae_cache_disable'] === true) implied['vae_cache_ondemand'] = true;
  if (cropsVary(config)) implied['vae_cache_clear_each_epoch'] = true;
  return implied;
}

function cropsVary(config: Config): boolean {
  if (config['dataset_type'] !== 'image' || config['crop'] !== true) return false;
  return config['crop_aspect'] === 'random' || (config['crop_style'] ?? 'random') === 'random';
}

/** pixel_area is an edge in pixels that is counted as an area: megapixels. */
export function areaSettings(config: Config): Record<string, unknown> {
  if (config['resolution_type'] !== 'pixel_area') return {};
  const megapixels = (edge: number) => (edge * edge) / 1e6;
  const implied: Record<string, unknown> = { resolution_type: 'area' };
  if (typeof config['resolution'] === 'number') implied['resolution'] = megapixels(config['resolution']);
  for (const key of ['maximum_image_size', 'target_downsample_size', 'minimum_image_size']) {
    const size = config[key];
    if (typeof size === 'number' && size > LARGEST_AREA) implied[key] = megapixels(size);
  }
  return implied;
}
