// Which configurations a dataset is built of: those of texts, captions among them. Pictures are none.
import type { BackendConfig } from '../../core/config/backends';
import { AppError } from '../../lib/errors';

/** What texts are read of. */
export type TextDatasetConfig = Extract<
  BackendConfig,
  { dataset_type: 'text' | 'eval' | 'embeddings' | 'caption' }
>;
export type BuildableConfig = TextDatasetConfig;

/** @throws AppError `config.invalid` where no dataset can come of it. */
export function buildable(config: BackendConfig): BuildableConfig {
  const { id, dataset_type: kind } = config;
  if (kind === 'text' || kind === 'eval' || kind === 'embeddings' || kind === 'caption') return config;
  throw new AppError('config.invalid', `Backend "${id}" holds ${kind}: nothing is trained on that here.`, {
    remedy:
      'Use dataset_type text, eval, embeddings or caption. Pictures would need a vision model, and none is installed.',
    details: { id, dataset_type: kind },
  });
}
