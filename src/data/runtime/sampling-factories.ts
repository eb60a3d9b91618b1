// The sampling strategies and metrics that are built in. Plugins add others by a name of their own.
import { createSamplingMetricFactory, createSamplingStrategyFactory } from '../../core/factories';
import type { DynamicFactory } from '../../core/factory';
import type { SamplingMetric, SamplingStrategy } from '../../core/sampling';
import { lengthBuckets } from './length-buckets';
import { lengthSorted } from './length-sorted';
import { paddingShare } from './padding-share';

export const DEFAULT_STRATEGY = 'length-sorted';

export interface SamplingFactories {
  strategies: DynamicFactory<SamplingStrategy>;
  metrics: DynamicFactory<SamplingMetric>;
}

export function createSamplingFactories(): SamplingFactories {
  const strategies = createSamplingStrategyFactory();
  strategies.register(DEFAULT_STRATEGY, () => lengthSorted);
  strategies.register('length-buckets', () => lengthBuckets);
  const metrics = createSamplingMetricFactory();
  metrics.register('padding-share', paddingShare);
  return { strategies, metrics };
}
