// Which configurations a dataset is built of: those of texts. Pictures and stores of embeddings are none.
import { type BackendConfig, type TextBackendConfig } from '../../core/config/backends';
import { AppError } from '../../lib/errors';

export type BuildableConfig = TextBackendConfig;

/** @throws AppError `config.invalid` where no dataset can come of it. */
export function buildable(config: BackendConfig): BuildableConfig {
  const { id, dataset_type: kind } = config;
  if (kind === 'text' || kind === 'eval' || kind === 'embeddings') return config;
  throw new AppError('config.invalid', `Backend "${id}" holds ${kind}: nothing is trained on that here.`, {
    remedy: 'Use dataset_type text. Pictures would need a vision model, and none is installed.',
    details: { id, dataset_type: kind },
  });
}
