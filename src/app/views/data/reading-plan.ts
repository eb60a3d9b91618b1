// The batch plan under which the Data screen looks at a dataset: one row at a time, unpacked, a tenth held out.
import type { BatchPlan } from '../../../protocol/batches';
import type { DatasetRecord } from '../../../protocol/datasets';
import type { ModelRecord } from '../../../protocol/models';
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
