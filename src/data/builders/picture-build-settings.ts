// What a configuration of pictures means for building a dataset of it: which files are looked at, where their captions are, and
// how pictures are sized. Parsed once; of the backend it reads only the table that tells about the files, where there is one.
import type { DataBackend } from '../backends/data-backend';
import { parseCaptionSettings } from '../captions/caption-settings';
import { loadCaptionFilters } from '../captions/filter-caption';
import { parseCaptionShuffle } from '../captions/shuffle-caption';
import { pictureSettings, type PictureSettings } from '../images/picture-settings';
import { PICTURE_EXTENSIONS } from '../images/picture-types';
import type { BuildSettings } from './build-settings';
import type { ImageDatasetConfig } from './buildable-config';
import { readTextOf } from './read-text-of';
import { tableOf } from './table-of';

type ListingSettings = Pick<BuildSettings, 'extensions' | 'isSample' | 'keepsListing' | 'maxSamples'>;

export interface PictureBuildSettings extends ListingSettings {
  captions: BuildSettings['extraction'];
  sizes: PictureSettings;
  /** The column of rows that pictures lie in; null where they are files. */
  column: string | null;
}

/**
 * @param filterList `caption_filter_list` of the text_embeds backend that it names; undefined for none.
 * @throws AppError `config.invalid` for what cannot work, `backend.*` where the table cannot be read.
 */
export async function pictureBuildSettings(
  config: ImageDatasetConfig,
  source: DataBackend,
  filterList: unknown,
  signal?: AbortSignal,
): Promise<PictureBuildSettings> {
  return {
    extensions: extensionsIn(config),
    isSample: () => true,
    keepsListing:
      config.preserve_data_backend_cache ||
      config.skip_file_discovery.has('metadata') ||
      config.skip_file_discovery.has('aspect'),
    captions: {
      captions: parseCaptionSettings(config),
      shuffle: parseCaptionShuffle(config.caption_shuffle, 0),
      filters: await loadCaptionFilters(filterList, readTextOf(source)),
      table: await tableOf(config, source, signal),
    },
    sizes: pictureSettings(config),
    column: config.type === 'huggingface' ? config.image_column : null,
    maxSamples: config.max_num_samples ?? null,
  };
}

/** Addresses need no ending to be a picture's, and a hub's pictures lie in tables. */
function extensionsIn({ type }: ImageDatasetConfig): readonly string[] {
  if (type === 'csv') return [];
  return type === 'huggingface' ? ['parquet'] : PICTURE_EXTENSIONS;
}
