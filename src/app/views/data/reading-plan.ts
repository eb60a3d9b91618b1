// The batch plan under which the Data screen looks at a dataset: one row at a time, unpacked, a tenth held out; and what it
// is checked under.
import type { BatchPlan } from '../../../protocol/batches';
import type { DatasetRecord } from '../../../protocol/datasets';
import type { ModelRecord } from '../../../protocol/models';
import type { QualitySettings } from '../../../protocol/quality';
import { trainingDefaults } from '../../../core/config/training-config';

export function readingPlan(
  dataset: DatasetRecord,
  model: ModelRecord,
  sequenceLength: number,
  trainOn: BatchPlan['trainOn'],
): BatchPlan {
  return {
    datasetId: dataset.id,
    modelId: model.id,
    sequenceLength,
    batchSize: 1,
    trainOn,
    packing: false,
    evalShare: trainingDefaults.evalShare,
    seed: trainingDefaults.seed,
  };
}

/** Texts above it differ in a word or two. */
const SIMILARITY = 0.85;

/** A conversation is over-long where the plan would cut it. */
export const qualitySettings = ({
  modelId,
  sequenceLength,
  evalShare,
  seed,
}: BatchPlan): QualitySettings => ({
  modelId,
  similarity: SIMILARITY,
  evalShare,
  seed,
  maxTokens: sequenceLength + 1,
});
