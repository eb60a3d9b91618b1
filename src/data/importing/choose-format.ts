// Settles format and mapping from what the user gave and what the first rows show.
import { AppError } from '../../lib/errors';
import type { DatasetFormat, FieldMapping } from '../../protocol/datasets';
import {
  columnsOf,
  detectFormat,
  type DetectedFormat,
  proposeMapping,
  REQUIRED_PARTS,
} from '../formats/detect-format';
import type { Row } from '../reading/row-event';

export interface ChosenFormat extends DetectedFormat {
  /** False where the user decided. */
  detected: boolean;
}

/** @throws AppError `dataset.missing-fields` naming the columns that were found. */
export function chooseFormat(
  rows: readonly Row[],
  format: DatasetFormat | null,
  mapping: FieldMapping | null,
): ChosenFormat {
  if (format === null) {
    const found = detectFormat(rows);
    if (found === null) throw noFormat(rows);
    return { ...found, detected: true };
  }
  const chosen = mapping ?? proposeMapping(format, rows) ?? {};
  checkMapping(rows, format, chosen);
  return { format, mapping: chosen, reason: 'Chosen by the user.', detected: false };
}

function checkMapping(rows: readonly Row[], format: DatasetFormat, mapping: FieldMapping): void {
  const columns = columnsOf(rows);
  const unmapped = REQUIRED_PARTS[format].filter((part) => mapping[part] === undefined);
  const unknown = Object.values(mapping).filter((column) => !columns.includes(column));
  const [firstUnknown] = unknown;
  if (unmapped.length === 0 && firstUnknown === undefined) return;
  const fact =
    unmapped.length > 0
      ? `The format "${format}" needs a column for ${unmapped.join(' and ')}`
      : `There is no column "${firstUnknown}"`;
  throw new AppError('dataset.missing-fields', `${fact}; found are ${list(columns)}.`, {
    remedy: 'Choose the columns for each part, or another format.',
    details: { columns, excerpt: columns.join(', ') },
  });
}

function noFormat(rows: readonly Row[]): AppError {
  const columns = columnsOf(rows);
  return new AppError('dataset.missing-fields', `No known format has the columns ${list(columns)}.`, {
    remedy: 'Choose the format and say which column plays which part.',
    details: { columns, excerpt: columns.join(', ') },
  });
}

function list(columns: string[]): string {
  return columns.map((column) => `"${column}"`).join(', ');
}
