// How the tables of a hub's dataset are read as its configuration says: `filter_func` decides which rows, and where it is
// clear which columns make a sample, no others are fetched. Pure but for the reading itself.
import * as v from 'valibot';
import { AppError } from '../../../lib/errors';
import type { BackendConfigJson } from '../../../protocol/backends';
import type { DatasetFormat } from '../../../protocol/datasets';
import { parseCaptionSettings } from '../../captions/caption-settings';
import { readRows } from '../../reading/file-rows';
import { readParquetRows, type RowFilter } from '../../reading/parquet-rows';
import { rowFilterOf } from './filter-func';

const filterSchema = v.object({
  collection: v.optional(v.union([v.string(), v.array(v.string())])),
  quality_column: v.optional(v.string()),
  quality_thresholds: v.optional(v.record(v.string(), v.number())),
  min_width: v.optional(v.number()),
  min_height: v.optional(v.number()),
});

/** Columns without which there is no sample. */
const NEEDED: Record<DatasetFormat, readonly string[]> = {
  text: ['text'],
  completion: ['prompt', 'completion'],
  alpaca: ['instruction', 'input', 'output'],
  sharegpt: ['conversations'],
  messages: ['messages'],
};

/**
 * @param onRejected rows that the filter left out, as they are passed over.
 * @throws AppError `config.invalid`.
 */
export function hubRowReader(
  config: BackendConfigJson,
  onRejected?: (rows: number) => void,
): typeof readRows {
  const block = config['huggingface'];
  const all = { ...config, ...(typeof block === 'object' ? block : {}) };
  const filter = parseFilter(all);
  const columns = neededColumns(all);
  const rawColumn = pictureColumn(all);
  return (file, options) => {
    if (!file.name.toLowerCase().endsWith('.parquet')) return readRows(file, options);
    const { signal, onBytes } = options;
    return readParquetRows(file.blob, file.name, {
      columns,
      filter,
      rawColumn,
      onRejected,
      signal,
      ...(onBytes === undefined ? {} : { onBytes }),
    });
  };
}

function parseFilter(config: BackendConfigJson): RowFilter | undefined {
  const given = config['filter_func'] ?? {};
  const parsed = v.safeParse(filterSchema, given);
  if (parsed.success) return rowFilterOf(parsed.output);
  const [issue] = parsed.issues;
  const path = ['filter_func', v.getDotPath(issue) ?? []].flat().join('.');
  throw new AppError('config.invalid', `Backend "${config.id}" has ${issue.received} as its ${path}.`, {
    remedy: `Expected is ${issue.expected ?? 'another value'}.`,
    details: { id: config.id, path },
  });
}

/** Where pictures are wanted, they come with their bytes. */
function pictureColumn(config: BackendConfigJson): string | undefined {
  const column = config['image_column'] ?? 'image';
  return config['dataset_type'] === 'image' && typeof column === 'string' ? column : undefined;
}

/** undefined: all, since which ones make a sample is found out by looking at them. */
function neededColumns(config: BackendConfigJson): string[] | undefined {
  const picture = pictureColumn(config);
  const pictures = picture === undefined ? [] : [picture];
  if (config['caption_strategy'] === 'huggingface') {
    const { columns, fallback } = parseCaptionSettings(config).columns;
    return firstLevel([...columns, ...(fallback === null ? [] : [fallback]), ...pictures]);
  }
  if (picture !== undefined) return pictures;
  const format = config['format'];
  const mapping = config['mapping'];
  if (typeof format !== 'string' || !Object.hasOwn(NEEDED, format)) return undefined;
  if (typeof mapping !== 'object' || mapping === null) return undefined;
  const parts = new Map<string, unknown>(Object.entries(mapping));
  if (!NEEDED[format as DatasetFormat].every((part) => typeof parts.get(part) === 'string')) return undefined;
  return [...parts.values()].filter((column) => typeof column === 'string');
}

/** A field of a nested column comes with the whole of it. A dot may belong to the name as well. */
function firstLevel(columns: readonly string[]): string[] {
  return [...new Set(columns.flatMap((column) => [column, column.split('.')[0] ?? column]))];
}
