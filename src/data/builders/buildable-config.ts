// Which configurations a dataset is built of: those of texts. Pictures, captions without them and embeddings are none.
import { type BackendConfig, type TextBackendConfig } from '../../core/config/backends';
import { AppError } from '../../lib/errors';

export type BuildableConfig = Extract<TextBackendConfig, { dataset_type: 'text' | 'eval' }>;

/** @throws AppError `config.invalid` where no dataset can come of it. */
export function buildable(config: BackendConfig): BuildableConfig {
  const { id, dataset_type: kind } = config;
  if (kind === 'text' || kind === 'eval') return config;
  throw new AppError('config.invalid', `Backend "${id}" holds ${kind}: nothing is trained on that here.`, {
    remedy: 'Use dataset_type text or eval. Pictures would need a vision model, and none is installed.',
    details: { id, dataset_type: kind },
  });
}
