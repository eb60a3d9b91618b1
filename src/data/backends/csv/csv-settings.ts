// What a configuration says about a table of addresses. Pure.
import { AppError } from '../../../lib/errors';
import type { BackendConfigJson } from '../../../protocol/backends';

export interface CsvSettings {
  id: string;
  /** Its address, or its path in the chosen folder. */
  file: string;
  captionColumn: string;
  urlColumn: string;
  /** Blob folder of what the addresses gave. */
  cacheFolder: string;
}

/** Where nothing else is said; a table without it has its texts in the column of the captions. */
export const DEFAULT_URL_COLUMN = 'url';

/** @throws AppError `config.invalid`. */
export function parseCsvSettings(config: BackendConfigJson): CsvSettings {
  const { id } = config;
  const strategy = config['caption_strategy'] ?? 'csv';
  if (strategy !== 'csv') {
    throw refused(
      id,
      `caption_strategy ${JSON.stringify(strategy)} with type csv`,
      'A csv backend needs caption_strategy csv.',
    );
  }
  const cacheDir = textOf(config, 'csv_cache_dir', id);
  return {
    id,
    file: textOf(config, 'csv_file'),
    captionColumn: textOf(config, 'csv_caption_column'),
    urlColumn: textOf(config, 'csv_url_column', DEFAULT_URL_COLUMN),
    cacheFolder: `caches/csv/${cacheDir.replaceAll(/[^\p{L}\p{N}_-]+/gu, '_')}`,
  };
}

export function isAddress(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** An address without what may open it: user, password and query. */
export function shownAddress(url: string): string {
  if (!URL.canParse(url)) return url.slice(0, 100);
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function textOf(config: BackendConfigJson, key: string, byDefault = ''): string {
  const value = config[key] ?? byDefault;
  if (typeof value === 'string' && value.trim() !== '') return value.trim();
  throw refused(
    config.id,
    value === '' ? `no ${key}` : `${JSON.stringify(value)} as its ${key}`,
    `Set ${key}.`,
  );
}

function refused(id: string, fact: string, remedy: string): AppError {
  return new AppError('config.invalid', `Backend "${id}" has ${fact}.`, { remedy, details: { id } });
}
