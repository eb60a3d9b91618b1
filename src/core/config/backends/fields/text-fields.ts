// Settings of texts: which columns make a sample, and how long one may be, counted in tokens.
import * as v from 'valibot';
import type { DatasetFormat } from '../../../../protocol/datasets';
import { field, listOf, oneOf, section, text, whole } from '../field';

const FORMATS = [
  'text',
  'completion',
  'alpaca',
  'sharegpt',
  'messages',
] as const satisfies readonly DatasetFormat[];
export const TRUNCATION_MODES = ['beginning', 'end', 'random'] as const;

const column = (part: string) => v.optional(field('reading', `Column of the ${part}.`, text()));

const ascending = (bounds: number[]) =>
  bounds.every((bound, at) => at === 0 || bound > (bounds[at - 1] ?? 0));
const bucketPhrase = 'whole numbers of at least 1, each larger than the one before';

/** Settings of rows. */
export const rowFields = {
  format: v.optional(
    field('reading', 'What the columns make; found by itself where it is not set.', oneOf(FORMATS)),
  ),
  mapping: v.optional(
    field(
      'reading',
      'Columns by the part they play; those that are not named are found by themselves.',
      section({
        text: column('text'),
        prompt: column('prompt'),
        completion: column('completion'),
        instruction: column('instruction'),
        input: column('input'),
        output: column('output'),
        system: column('system prompt'),
        conversations: column('conversations'),
        messages: column('messages'),
      }),
    ),
  ),
};

/** Settings of any text, a caption too. */
export const lengthFields = {
  length_buckets: v.optional(
    field(
      'reading',
      'Upper bounds of the length buckets in tokens; what is longer than the last goes into it.',
      v.pipe(listOf(whole(1), bucketPhrase), v.check(ascending, bucketPhrase)),
    ),
    [64, 128, 256, 512],
  ),
  minimum_token_length: v.optional(field('reading', 'Shorter samples are left out: too_small.', whole(1))),
  maximum_token_length: v.optional(field('reading', 'Longer samples are left out: too_long.', whole(1))),
  truncation_mode: v.optional(
    field(
      'reading',
      'Which part is kept of a conversation that does not fit; random draws a piece.',
      oneOf(TRUNCATION_MODES),
    ),
    'beginning',
  ),
};

export const textFields = { ...rowFields, ...lengthFields };
