// Settings that every backend has, whatever it holds and wherever that lies.
import * as v from 'valibot';
import { anyText, field, flag, text, whole } from '../field';

/** Words of `skip_file_discovery`. They are compared whole: `metadata` does not contain `meta`. */
export const DISCOVERY_PARTS = ['vae', 'metadata', 'aspect', 'text'] as const;
export type DiscoveryPart = (typeof DISCOVERY_PARTS)[number];

const discoveryPhrase = `some of ${DISCOVERY_PARTS.join(', ')}, with spaces or commas between them`;

export const sharedFields = {
  id: field(
    'essential',
    'Its name, unlike every other. Caches and state carry it: keep it as it is.',
    text(),
  ),
  disabled: v.optional(
    field('upkeep', 'Left out before anything else is looked at. Also written `disable`.', flag()),
    false,
  ),
  cache_dir: v.optional(field('caches', 'Where its caches lie.', text())),
  write_batch_size: v.optional(field('caches', 'Items that are written to a cache at once.', whole(1)), 128),
  compress_cache: v.optional(field('caches', 'Caches are packed with gzip.', flag()), false),
  preserve_data_backend_cache: v.optional(
    field('upkeep', 'The list of files is kept between builds: new files are not seen.', flag()),
    false,
  ),
  skip_file_discovery: v.optional(
    field(
      'upkeep',
      'What is not searched for again.',
      v.pipe(
        anyText(),
        v.check((written) => discoveryWords(written).every(isDiscoveryPart), discoveryPhrase),
        v.transform((written) => new Set(discoveryWords(written).filter(isDiscoveryPart))),
      ),
    ),
    '',
  ),
  metadata_update_interval: v.optional(
    field('upkeep', 'Seconds between two savings of what a scan found.', whole(60)),
    65,
  ),
};

function discoveryWords(written: string): string[] {
  return written.split(/[\s,]+/).filter((word) => word !== '');
}

function isDiscoveryPart(word: string): word is DiscoveryPart {
  return (DISCOVERY_PARTS as readonly string[]).includes(word);
}
