// Share of the positions of a run's batches that hold no token.
import type { SamplingMetric } from '../../core/sampling';

export function paddingShare(): SamplingMetric {
  let padding = 0;
  let positions = 0;
  return {
    drawn({ batch }) {
      positions += batch.segments.length;
      for (const segment of batch.segments) if (segment < 0) padding += 1;
    },
    value: () => padding / positions,
  };
}
