// A figure about the batches that were drawn, by a name of its own: what a plugin wants to know of a run's data. It sees each
// batch and changes none. One is made for each plan that is opened.
import type { TokenBatch } from '../../protocol/batches';

export interface BatchDraw {
  datasetId: string;
  microStep: number;
  batch: Readonly<TokenBatch>;
}

export interface SamplingMetric {
  drawn(draw: BatchDraw): void;
  /** As it stands; NaN before anything was drawn. */
  value(): number;
}

/** Share of the positions that hold no token. */
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
