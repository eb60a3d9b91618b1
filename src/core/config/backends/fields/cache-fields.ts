// Settings of caches: of tokens and encoded texts, and of features of pictures.
import * as v from 'valibot';
import { field, flag, text, whole } from '../field';

export const textCacheFields = {
  text_encoder_batch_size: v.optional(field('caches', 'Texts that are encoded at once.', whole(1)), 1),
  text_cache_ondemand: v.optional(
    field('caches', 'Texts are encoded when they are drawn, not before.', flag()),
    false,
  ),
  text_cache_disable: v.optional(
    field('caches', 'The cache is read and never written; texts are encoded when they are drawn.', flag()),
    false,
  ),
};

/** Our own: elsewhere the encoder is the one of the model that is trained. */
export const encoderFields = {
  encoder: v.optional(
    field('essential', 'Name or id of the installed model that makes its vectors.', text()),
  ),
};

export const imageCacheFields = {
  cache_dir_vae: v.optional(field('caches', 'Where features of pictures lie.', text())),
  vae_cache_ondemand: v.optional(
    field('caches', 'Pictures are encoded when they are drawn, not before.', flag()),
    false,
  ),
  vae_cache_disable: v.optional(
    field('caches', 'The cache is read and never written; pictures are encoded when they are drawn.', flag()),
    false,
  ),
  vae_cache_clear_each_epoch: v.optional(
    field(
      'caches',
      'Features are computed anew in each pass; always so where crops or shapes are random.',
      flag(),
    ),
    false,
  ),
};

export const embedStoreFields = {
  default: v.optional(field('essential', 'Used by every dataset that names no other.', flag()), false),
};
