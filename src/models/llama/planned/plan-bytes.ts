// What a training step on plans will take, known before anything is allocated: the step is recorded, and its arena laid out.
import {
  chunkRows,
  externalValue,
  layoutArena,
  Recorder,
  Tape,
  WeightLayout,
  type Parameter,
  type PlanDevice,
  type Value,
} from '../../../engine/planned';
import type { TrainingConfig } from '../../../protocol/training';
import type { ActivationBytes } from '../../model-family';
import type { LlamaConfig } from '../llama-config';
import { batchValues } from './batch-buffers';
import { normValues, recordNorms } from './dora-norms';
import { frozenView, loraView, plainView } from './parameter-views';
import { recordLoss, type DecoderParameters } from './record-decoder';
import { ropeValues } from './rope-buffers';
import { baseGroups, loraGroups } from './weight-groups';

export type PlannedStep = Pick<
  TrainingConfig,
  'method' | 'lora' | 'batchSize' | 'sequenceLength' | 'baseStorage'
>;

/** Weights that are only names and shapes. */
function abstractWeights(
  config: LlamaConfig,
  { method, lora, baseStorage = 'f32' }: PlannedStep,
  seed: Value,
  limitBytes: number,
): DecoderParameters {
  const full = method === 'full';
  const base = new WeightLayout(baseGroups(config, full ? 'f32' : baseStorage), limitBytes, full);
  const trainable =
    (layout: WeightLayout) =>
    (key: string): Parameter =>
      layout.parameter(key, ({ name, shape }) => externalValue(`d ${name}`, shape));
  if (full) return plainView(trainable(base));
  const adapter = new WeightLayout(loraGroups(config, lora), limitBytes, true);
  return loraView(config, frozenView(base), lora, trainable(adapter), normValues(config, lora), seed);
}

/** @throws AppError `engine.out-of-memory` where an array of the step is larger than the device can bind. */
export function plannedActivationBytes(
  config: LlamaConfig,
  step: PlannedStep,
  { traits, slabBytes, variantOf }: Pick<PlanDevice, 'traits' | 'slabBytes' | 'variantOf'>,
  activationBudgetBytes: number,
): ActivationBytes {
  const { batchSize: rows, sequenceLength: length } = step;
  const { rows: labelRows, labels, count, seed, ...tokens } = batchValues(rows * length);
  const weights = abstractWeights(config, step, seed, slabBytes);
  const arena = (recompute: boolean): number => {
    const tape = new Tape(new Recorder(traits, variantOf));
    const inputs = { ...tokens, labels: { rows: labelRows, labels, count } };
    const tables = ropeValues(length, config.headSize);
    const loss = externalValue('loss', [1]);
    const options = { recompute, gradients: true };
    recordLoss(tape, config, weights, inputs, tables, { rows, length }, loss, options);
    return layoutArena(tape.recorder.finish(), slabBytes).bytes;
  };
  /** The plan of the norms shares the arena with the step. */
  const norms = (): number => {
    const recorder = new Recorder(traits, variantOf);
    recordNorms(recorder, config, weights);
    return layoutArena(recorder.finish(), slabBytes).bytes;
  };
  const keeping = arena(false);
  const bytes = Math.max(norms(), keeping <= activationBudgetBytes ? keeping : arena(true));
  const logitsBytes = Math.min(bytes, chunkRows(rows * length, config.vocabSize) * config.vocabSize * 4);
  return { activationsBytes: bytes - logitsBytes, logitsBytes };
}
