// Named sampling strategies, and named figures about what was drawn. Modules and plugins add others by a name of their own.
import { DynamicFactory } from '../../core/factory';
import { lengthBuckets } from './length-buckets';
import { lengthSorted } from './length-sorted';
import type { SamplingMetric } from './sampling-metric';
import { paddingShare } from './sampling-metric';
import type { SamplingStrategy } from './sampling-strategy';

export const DEFAULT_STRATEGY = 'length-sorted';

export interface SamplingFactories {
  strategies: DynamicFactory<SamplingStrategy>;
  metrics: DynamicFactory<SamplingMetric>;
}

/** With what is built in. */
export function createSamplingFactories(): SamplingFactories {
  const strategies = new DynamicFactory<SamplingStrategy>(
    'sampling strategy',
    (value) => typeof value === 'function',
  );
  strategies.register(DEFAULT_STRATEGY, () => lengthSorted);
  strategies.register('length-buckets', () => lengthBuckets);
  const metrics = new DynamicFactory<SamplingMetric>(
    'sampling metric',
    (value) => typeof value === 'object' && value !== null && 'drawn' in value && 'value' in value,
  );
  metrics.register('padding-share', paddingShare);
  return { strategies, metrics };
}
