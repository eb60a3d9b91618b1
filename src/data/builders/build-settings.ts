// What a backend's configuration means for building a dataset of it: which files are looked at, what text they give, and
// which samples stay. Parsed once; of the backend it reads only the table that tells about the files, where there is one.
import type { TextDatasetConfig } from './buildable-config';
import type { CaptionStrategy } from '../../core/config/backends';
import type { DatasetFormat, FieldMapping } from '../../protocol/datasets';
import type { DataBackend } from '../backends/data-backend';
import { CAPTION_EXTENSIONS } from '../captions/caption-files';
import { parseCaptionSettings, type CaptionSettings } from '../captions/caption-settings';
import { loadCaptionFilters } from '../captions/filter-caption';
import { parseCaptionShuffle } from '../captions/shuffle-caption';
import type { FilterReason } from '../metadata/filtering-statistics';
import { READ_EXTENSIONS } from '../reading/file-rows';
import type { Extraction } from './extract-rows';
import { readTextOf } from './read-text-of';
import { tableOf } from './table-of';

/** Strategies that look beside a file for its text. */
const BESIDE: readonly (CaptionStrategy | null)[] = ['filename', 'textfile', 'parquet'];

export interface BuildSettings {
  /** Endings of the files that are samples or hold them. */
  extensions: readonly string[];
  isSample: (path: string) => boolean;
  /** Files that were found before are taken for all there are. */
  keepsListing: boolean;
  extraction: Pick<Extraction, 'captions' | 'captionFiles' | 'shuffle' | 'filters' | 'table'>;
  format: DatasetFormat | null;
  mapping: FieldMapping | null;
  bounds: readonly number[];
  /** Some samples are too short or too long: their lengths have to be tokens. */
  limitsTokens: boolean;
  reasonAgainst: (length: number) => FilterReason | null;
  /** null keeps all. */
  maxSamples: number | null;
}

/**
 * @param filterList `caption_filter_list` of the text_embeds backend that it names; undefined for none.
 * @throws AppError `config.invalid` for what cannot work, `backend.*` where the table cannot be read.
 */
export async function buildSettings(
  config: TextDatasetConfig,
  source: DataBackend,
  filterList: unknown,
  signal?: AbortSignal,
): Promise<BuildSettings> {
  const captions = parseCaptionSettings(config);
  const table = await tableOf(config, source, signal);
  const captionFiles = config.metadata_backend === 'caption' && captions.strategy === null;
  const { minimum_token_length: minimum = null, maximum_token_length: maximum = null } = config;
  return {
    // Where a text stands beside the file, the file itself may be anything.
    extensions: captionFiles ? CAPTION_EXTENSIONS : BESIDE.includes(captions.strategy) ? [] : READ_EXTENSIONS,
    isSample: (path) =>
      path !== config.parquet?.path && !(captions.strategy === 'textfile' && path.endsWith('.txt')),
    keepsListing: config.preserve_data_backend_cache || config.skip_file_discovery.has('text'),
    extraction: {
      captions,
      captionFiles,
      shuffle: parseCaptionShuffle(config.caption_shuffle, 0),
      filters: await loadCaptionFilters(filterList, readTextOf(source)),
      table,
    },
    // What a strategy extracts are texts, or questions with their answers, whatever the file was.
    format: isRows(config, captions) ? (config.format ?? null) : null,
    mapping: isRows(config, captions) ? mappingOf(config) : null,
    bounds: config.length_buckets,
    limitsTokens: minimum !== null || maximum !== null,
    reasonAgainst: (length) =>
      minimum !== null && length < minimum
        ? 'too_small'
        : maximum !== null && length > maximum
          ? 'too_long'
          : null,
    maxSamples: config.max_num_samples ?? null,
  };
}

type RowConfig = Exclude<TextDatasetConfig, { dataset_type: 'caption' }>;

/** Its rows are samples as they are written, and nothing has to be extracted. */
function isRows(config: TextDatasetConfig, { strategy }: CaptionSettings): config is RowConfig {
  return strategy === null && config.dataset_type !== 'caption';
}

function mappingOf({ mapping }: RowConfig): FieldMapping | null {
  if (mapping === undefined) return null;
  const named = Object.entries(mapping).filter(([, column]) => column !== undefined);
  return Object.fromEntries(named);
}
