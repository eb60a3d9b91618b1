// Where metadata may come from, by place.
import { isPlainObject } from '../../merge';
import { isStore } from '../dataset-types';
import type { ConfigRule } from './findings';

export const metadataRules: ConfigRule = (config, problem) => {
  if (isStore(config)) return;
  const { metadata_backend: source, type, parquet, dataset_type: kind } = config;
  if (source === 'caption' && kind !== 'caption') {
    problem(
      'metadata_backend',
      'metadata_backend caption is only for dataset_type caption.',
      'Use discovery, or set dataset_type to caption.',
    );
  }
  if (source === 'parquet' && parquet === undefined) {
    problem(
      'parquet',
      'metadata_backend parquet needs a parquet block.',
      'Add parquet with its path, or use discovery.',
    );
  }
  const edges = ['width_column', 'height_column'];
  const named = isPlainObject(parquet) ? edges.filter((key) => parquet[key] !== undefined) : edges;
  if (named.length === 1) {
    problem(
      `parquet.${named[0]}`,
      `parquet.${named[0]} needs the other one of ${edges.join(' and ')}.`,
      'Name both columns, or none.',
    );
  }
  if (type === 'huggingface' && source !== undefined && source !== 'huggingface') {
    problem(
      'metadata_backend',
      `type huggingface needs metadata_backend huggingface: ${JSON.stringify(source)}.`,
      'Remove metadata_backend.',
    );
  }
  if (type !== 'huggingface' && source === 'huggingface') {
    problem(
      'metadata_backend',
      'metadata_backend huggingface is only for type huggingface.',
      'Remove metadata_backend.',
    );
  }
};
