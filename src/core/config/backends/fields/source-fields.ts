// Settings of the places that data lies in. Credentials are not among them: they are in the vault.
import * as v from 'valibot';
import { anyText, field, flag, section, text, textOrList, url, whole } from '../field';

export const localFields = {
  instance_data_dir: field(
    'essential',
    'The folder, as it is called; which one it is, is chosen by hand.',
    text(),
  ),
};

/** A cache lies in the storage of this page unless another place is named. */
export const localStoreFields = {
  instance_data_dir: v.optional(field('upkeep', 'A folder below cache_dir.', text())),
};

/** Nothing of it outlives the tab. */
export const memoryStoreFields = {
  memory_budget_mb: v.optional(
    field('upkeep', 'Mebibytes it may hold; what was used longest ago goes.', whole(1)),
    256,
  ),
};

export const awsFields = {
  aws_bucket_name: field('essential', 'The bucket.', text()),
  aws_endpoint_url: field('essential', 'Address of the S3 service.', url()),
  aws_region_name: v.optional(field('essential', 'Region of the bucket.', text()), 'auto'),
  aws_data_prefix: v.optional(
    field('essential', 'Folder in the bucket; only what lies in it.', anyText()),
    '',
  ),
  max_pool_connections: v.optional(
    field('upkeep', 'Requests at a time; a browser opens fewer to one host.', whole(1)),
    128,
  ),
};

export const csvFields = {
  csv_file: field('essential', 'The table: its address, or its name in the chosen folder.', text()),
  csv_caption_column: field('essential', 'Column of the texts.', text()),
  csv_cache_dir: v.optional(
    field(
      'caches',
      'Name of the cache of what the addresses give; tables that name the same share it.',
      text(),
    ),
  ),
  csv_url_column: v.optional(field('essential', 'Column of the addresses.', text()), 'url'),
};

const filter = section({
  collection: v.optional(field('reading', 'Only rows of this collection, or these.', textOrList())),
  quality_column: v.optional(field('reading', 'Column of the marks.', text()), 'quality_assessment'),
  quality_thresholds: v.optional(
    field(
      'reading',
      'Least mark by name; a row without marks is left out.',
      v.record(v.string(), v.number('a number'), 'numbers by name'),
    ),
  ),
  min_width: v.optional(field('reading', 'Narrower pictures are left out.', whole(1))),
  min_height: v.optional(field('reading', 'Lower pictures are left out.', whole(1))),
});

export const huggingfaceFields = {
  dataset_name: field('essential', 'Owner and name: `owner/name`.', text()),
  dataset_config: v.optional(field('essential', 'Configuration, where the dataset has several.', text())),
  split: v.optional(field('essential', 'Split.', text()), 'train'),
  revision: v.optional(field('reading', 'Branch, tag or commit.', text())),
  caption_column: v.optional(field('reading', 'Column, or columns, of the captions.', textOrList())),
  fallback_caption_column: v.optional(
    field('reading', 'Column that stands in for an empty caption.', text()),
  ),
  image_column: v.optional(field('images', 'Column of the pictures.', text()), 'image'),
  streaming: v.optional(
    field('reading', 'Rows are read piece by piece, as is always done here.', flag()),
    true,
  ),
  auto_load: v.optional(
    field('reading', 'Reading begins with the program, not with the first build.', flag()),
    false,
  ),
  num_proc: v.optional(field('reading', 'Requests at a time.', whole(1)), 16),
  filter_func: v.optional(field('reading', 'Which rows are taken.', filter)),
  composite_image_config: v.optional(
    field(
      'images',
      'A picture that is made of several: which one is cut out.',
      section({
        enabled: v.optional(field('images', 'Pictures are made of several.', flag()), false),
        image_count: v.optional(field('images', 'Pictures in one.', whole(1)), 1),
        select_index: v.optional(field('images', 'The one that is taken, from 0.', whole(0)), 0),
      }),
    ),
  ),
};

/** What opens a place. A form asks for it and hands it to the vault; a configuration never holds it. */
export const secretFields = {
  aws: {
    aws_access_key_id: field('essential', 'Id of the access key.', text()),
    aws_secret_access_key: field('essential', 'The secret of the access key.', text()),
    aws_session_token: v.optional(field('essential', 'For keys that last only for a while.', text())),
  },
  huggingface: {
    huggingface_token: v.optional(field('essential', 'For datasets that are not open to all.', text())),
  },
};
export const SECRET_KEYS: readonly string[] = Object.values(secretFields).flatMap((fields) =>
  Object.keys(fields),
);
