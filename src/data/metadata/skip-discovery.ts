// `skip_file_discovery`: which scans are left out, as a set of whole words. A part of a word means nothing. Pure.
import { AppError } from '../../lib/errors';

export const DISCOVERIES = ['vae', 'metadata', 'aspect', 'text'] as const;
export type Discovery = (typeof DISCOVERIES)[number];

/**
 * @param values the setting of all datasets and the one's own: what either names is skipped. Divided by commas or spaces.
 * @throws AppError `config.invalid` naming an unknown word.
 */
export function parseSkipDiscovery(...values: (string | null | undefined)[]): ReadonlySet<Discovery> {
  return new Set(values.flatMap((value) => wordsOf(value ?? '').map(toDiscovery)));
}

function wordsOf(value: string): string[] {
  return value.split(/[\s,]+/).filter((word) => word !== '');
}

function toDiscovery(word: string): Discovery {
  const found = DISCOVERIES.find((known) => known === word.toLowerCase());
  if (found !== undefined) return found;
  throw new AppError('config.invalid', `skip_file_discovery names "${word}".`, {
    remedy: `Use any of ${DISCOVERIES.join(', ')}.`,
    details: { word },
  });
}
