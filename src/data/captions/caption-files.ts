// Files that hold captions themselves, without the pictures that they are of: a text file one in each line, a table one in each
// row. Said as the strategy that reads such a file; pure.
import type { CaptionSettings } from './caption-settings';

/** Endings of files that hold captions. */
export const CAPTION_EXTENSIONS = ['txt', 'jsonl', 'json', 'csv', 'parquet'] as const;

/** Where a table's columns are not named. */
const COLUMNS = { columns: ['caption'], fallback: 'text' };

/** How the captions of one file are read. */
export function settingsOfCaptionFile(path: string, settings: CaptionSettings): CaptionSettings {
  // A text file beside itself is itself.
  if (isCaptionText(path)) return { ...settings, strategy: 'textfile' };
  const columns = settings.columns.columns.length === 0 ? COLUMNS : settings.columns;
  return { ...settings, strategy: 'huggingface', columns };
}

export function isCaptionText(path: string): boolean {
  return path.toLowerCase().endsWith('.txt');
}
