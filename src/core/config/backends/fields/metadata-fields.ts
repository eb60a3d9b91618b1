// Settings of metadata: who tells what a file is before it is read.
import * as v from 'valibot';
import { field, flag, oneOf, section, text, textOrList } from '../field';

/** `json` and `filesystem` are older names of discovery. */
export const METADATA_BACKENDS = ['discovery', 'parquet', 'huggingface', 'caption'] as const;

const tablePhrase = 'the path of a .parquet, .jsonl or .json file';

export const metadataFields = {
  metadata_backend: v.optional(
    field(
      'reading',
      'Where metadata comes from: the files themselves, or a table.',
      oneOf(METADATA_BACKENDS),
    ),
    'discovery',
  ),
  parquet: v.optional(
    field(
      'reading',
      'The table that tells what the files are.',
      section({
        path: field(
          'reading',
          'The table.',
          v.pipe(text(), v.regex(/\.(parquet|jsonl|json)$/i, tablePhrase)),
        ),
        filename_column: v.optional(field('reading', 'Column of the file names.', text()), 'filename'),
        caption_column: v.optional(field('reading', 'Column, or columns, of the captions.', textOrList())),
        fallback_caption_column: v.optional(
          field('reading', 'Column that stands in for an empty caption.', text()),
        ),
        width_column: v.optional(
          field(
            'reading',
            'Column of the widths in pixels: with the heights, pictures of a wrong size are left out before they are fetched.',
            text(),
          ),
        ),
        height_column: v.optional(field('reading', 'Column of the heights in pixels.', text())),
        identifier_includes_extension: v.optional(
          field('reading', 'File names end with their extension; otherwise .png is assumed.', flag()),
          false,
        ),
      }),
    ),
  ),
};
