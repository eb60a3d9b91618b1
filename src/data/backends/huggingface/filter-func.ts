// `filter_func` of a hub's dataset: which rows are taken, by their marks, collection and size. What is missing counts as
// nothing: a row without marks, or without a size, does not pass. Pure.
import type { RowFilter } from '../../reading/parquet-rows';
import type { ParquetQueryFilter } from '../../reading/parquet-table';
import type { Row } from '../../reading/row-event';

export interface FilterFunc {
  collection?: string | readonly string[] | undefined;
  quality_column?: string | undefined;
  /** Least mark by name. */
  quality_thresholds?: Readonly<Record<string, number>> | undefined;
  min_width?: number | undefined;
  min_height?: number | undefined;
}

interface Condition {
  column: string;
  prune: ParquetQueryFilter | null;
  passes: (row: Row) => boolean;
}

/** undefined where nothing is asked for. */
export function rowFilterOf(filter: FilterFunc | null | undefined): RowFilter | undefined {
  if (filter === null || filter === undefined) return undefined;
  const conditions = [
    ...collectionConditions(filter.collection),
    ...qualityConditions(filter.quality_column ?? 'quality_assessment', filter.quality_thresholds),
    ...sizeConditions('width', filter.min_width),
    ...sizeConditions('height', filter.min_height),
  ];
  if (conditions.length === 0) return undefined;
  const prunes = conditions.flatMap(({ prune }) => (prune === null ? [] : [prune]));
  return {
    columns: [...new Set(conditions.map(({ column }) => column))],
    prune: prunes.length === 0 ? null : { $and: prunes },
    passes: (row) => conditions.every(({ passes }) => passes(row)),
  };
}

function collectionConditions(wanted: FilterFunc['collection']): Condition[] {
  if (wanted === undefined) return [];
  const names = typeof wanted === 'string' ? [wanted] : [...wanted];
  return [
    {
      column: 'collection',
      prune: { collection: { $in: names } },
      passes: ({ collection }) => typeof collection === 'string' && names.includes(collection),
    },
  ];
}

/** All marks stand in one column, by name. */
function qualityConditions(column: string, thresholds: FilterFunc['quality_thresholds']): Condition[] {
  const marks = Object.entries(thresholds ?? {});
  if (marks.length === 0) return [];
  // A mark that is missing is 0, which the statistics do not show: thresholds up to there prune nothing.
  const prunes = marks
    .filter(([, least]) => least > 0)
    .map(([mark, least]) => ({ [`${column}.${mark}`]: { $gte: least } }));
  return [
    {
      column,
      prune: prunes.length === 0 ? null : { $and: prunes },
      passes: (row) => {
        const given = row[column];
        if (typeof given !== 'object' || given === null) return false;
        return marks.every(([mark, least]) => numberIn(given as Row, mark) >= least);
      },
    },
  ];
}

function sizeConditions(column: string, least: number | undefined): Condition[] {
  if (least === undefined) return [];
  return [{ column, prune: { [column]: { $gte: least } }, passes: (row) => numberIn(row, column) >= least }];
}

/** What is no number is less than any. A missing one is 0. */
function numberIn(row: Row, key: string): number {
  const value = row[key] ?? 0;
  return typeof value === 'number' ? value : -Infinity;
}
