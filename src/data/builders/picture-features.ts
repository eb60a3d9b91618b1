// What a configuration says about the features of the pictures that were built of it. It may change without building again.
import type { DatasetRecord } from '../../protocol/datasets';
import type { ImageDatasetConfig } from './buildable-config';

export function withPictureFeatures(dataset: DatasetRecord, config: ImageDatasetConfig): DatasetRecord {
  // Read as texts before: it is no dataset of pictures yet.
  if (dataset.pictures === undefined) return dataset;
  const { encoder, vae_cache_disable: readOnly, compress_cache: compress, write_batch_size } = config;
  const features = {
    ...(encoder === undefined ? {} : { encoder }),
    cache: { readOnly, compress, writeBatchSize: write_batch_size },
  };
  return { ...dataset, pictures: { ...dataset.pictures, features } };
}
