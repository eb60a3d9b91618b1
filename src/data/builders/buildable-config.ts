// Which configurations a dataset is built of: those of texts, captions among them, and those of pictures. Caches are none.
import type { BackendConfig } from '../../core/config/backends';
import { AppError } from '../../lib/errors';

/** What texts are read of. */
export type TextDatasetConfig = Extract<
  BackendConfig,
  { dataset_type: 'text' | 'eval' | 'embeddings' | 'caption' }
>;
/** What pictures are read of. */
export type ImageDatasetConfig = Extract<BackendConfig, { dataset_type: 'image' }>;
export type BuildableConfig = TextDatasetConfig | ImageDatasetConfig;

/** @throws AppError `config.invalid` where no dataset can come of it. */
export function buildable(config: BackendConfig): BuildableConfig {
  const { id, dataset_type: kind } = config;
  if (kind !== 'text_embeds' && kind !== 'image_embeds') return config;
  throw new AppError('config.invalid', `Backend "${id}" holds ${kind}: no dataset is built of that.`, {
    remedy: 'Use dataset_type text, eval, embeddings, caption or image.',
    details: { id, dataset_type: kind },
  });
}

export function holdsPictures(config: BuildableConfig): config is ImageDatasetConfig {
  return config.dataset_type === 'image';
}
