// What reads a backend's files as its settings say.
import type { DataBackend } from '../backends/data-backend';
import { readRows } from '../reading/file-rows';
import type { BuildSettings } from './build-settings';
import type { Extraction } from './extract-rows';
import { readTextOf } from './read-text-of';

export function extractionOf(
  source: DataBackend,
  settings: BuildSettings,
  onLeftOut: Extraction['onLeftOut'],
): Extraction {
  const read = source.rows?.bind(source) ?? readRows;
  return { ...settings.extraction, read, readText: readTextOf(source), onLeftOut };
}
