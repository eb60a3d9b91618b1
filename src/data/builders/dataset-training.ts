// What a configuration says about training on the dataset that was built of it. Most of it may change without building again.
import { shareFromKeys } from '../../core/config/dataset-mix';
import type { DatasetTraining } from '../../protocol/datasets';
import type { TextDatasetConfig } from './buildable-config';

export function datasetTraining(config: TextDatasetConfig, datasetId: string): DatasetTraining {
  const evaluated = config.dataset_type === 'eval';
  const searched = config.dataset_type === 'embeddings';
  const share = shareFromKeys(datasetId, config);
  return {
    share: evaluated || searched ? { ...share, probability: 0 } : share,
    evaluated,
    ...(config.dataset_type === 'embeddings'
      ? { searched, ...(config.encoder === undefined ? {} : { encoder: config.encoder }) }
      : {}),
    keptPart: config.truncation_mode,
    onDemand: config.text_cache_ondemand || config.text_cache_disable,
    cache: {
      readOnly: config.text_cache_disable,
      compress: config.compress_cache,
      writeBatchSize: config.write_batch_size,
      encodedAtOnce: config.text_encoder_batch_size,
    },
  };
}
