// Settings of captions: where the text beside a file or row comes from and what is varied in it.
import * as v from 'valibot';
import { field, flag, numberFrom, oneOf, section, text, textOrList, whole } from '../field';

export const CAPTION_STRATEGIES = [
  'filename',
  'textfile',
  'instanceprompt',
  'parquet',
  'csv',
  'huggingface',
] as const;
export type CaptionStrategy = (typeof CAPTION_STRATEGIES)[number];
export const CAPTION_SEPARATORS = ['comma', 'space', 'period'] as const;

const shuffle = section({
  enable: v.optional(field('captions', 'Captions are shuffled.', flag()), false),
  count: v.optional(field('captions', 'Shuffled variants of each caption.', whole(1)), 1),
  seed: v.optional(field('captions', 'Where it is not set, the seed of the run.', whole(0))),
  split_on: v.optional(
    field('captions', 'What stands between two tags.', oneOf(CAPTION_SEPARATORS)),
    'comma',
  ),
  position_start: v.optional(field('captions', 'Tags before this one stay where they are.', whole(0)), 0),
  include_original: v.optional(
    field('captions', 'The caption as it is written is kept beside its variants.', flag()),
    true,
  ),
});

export const captionFields = {
  caption_strategy: v.optional(
    field(
      'captions',
      'Where captions come from; not set, the text is in the file or row itself.',
      oneOf(CAPTION_STRATEGIES),
    ),
  ),
  disable_multiline_split: v.optional(
    field('captions', 'A caption file is one caption, not one a line.', flag()),
    false,
  ),
  instance_prompt: v.optional(
    field('captions', 'The caption of every sample; of a list, one at a time.', textOrList()),
  ),
  prepend_instance_prompt: v.optional(
    field('captions', 'The instance prompt goes before each caption.', flag()),
    false,
  ),
  only_instance_prompt: v.optional(
    field('captions', 'The instance prompt replaces each caption.', flag()),
    false,
  ),
  caption_shuffle: v.optional(field('captions', 'Variants of captions made of lists of tags.', shuffle)),
};

/** Pictures may do without their caption now and then; a text is what is learnt and is never dropped. */
export const captionDropoutFields = {
  caption_dropout_probability: v.optional(
    field('captions', 'Share of samples that are seen without their caption.', numberFrom(0, 1)),
    0.1,
  ),
};

const filterPhrase = 'a list of texts, or the path of a .txt or .json file';

export const captionFilterFields = {
  caption_filter_list: v.optional(
    field(
      'captions',
      'Texts and patterns that are taken out of captions, or `s/a/b/`; or a .txt or .json file of them.',
      v.union([v.array(text()), v.pipe(text(), v.regex(/\.(txt|json)$/i, filterPhrase))], filterPhrase),
    ),
  ),
};
