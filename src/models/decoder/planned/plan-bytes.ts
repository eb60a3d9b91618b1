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
  type Recording,
  type Value,
} from '../../../engine/planned';
import type { TrainingConfig } from '../../../protocol/training';
import type { ActivationBytes } from '../../model-family';
import type { DecoderConfig } from '../decoder-config';
import { batchInputs, batchValues } from './batch-buffers';
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
  config: DecoderConfig,
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
  if (full) return plainView(config, trainable(base));
  const adapter = new WeightLayout(loraGroups(config, lora), limitBytes, true);
  return loraView(config, frozenView(config, base), lora, trainable(adapter), normValues(config, lora), seed);
}

type RecordingDevice = Pick<PlanDevice, 'traits' | 'slabBytes' | 'variantOf'> &
  Partial<Pick<PlanDevice, 'quantisedVariantOf' | 'attentionVariantOf'>>;

/**
 * A step's dispatches over weights and batches that are only names and shapes.
 * @throws AppError `engine.out-of-memory` where an array of the step is larger than the device can bind.
 */
export function recordStep(
  config: DecoderConfig,
  step: PlannedStep,
  { traits, slabBytes, variantOf, quantisedVariantOf, attentionVariantOf }: RecordingDevice,
  recompute: boolean,
): Recording {
  const { batchSize: rows, sequenceLength: length } = step;
  const values = batchValues(rows * length);
  const tape = new Tape(new Recorder(traits, variantOf, quantisedVariantOf, attentionVariantOf));
  const inputs = batchInputs(values);
  const tables = ropeValues(length, config);
  const loss = externalValue('loss', [1]);
  const weights = abstractWeights(config, step, values.seed, slabBytes);
  recordLoss(tape, config, weights, inputs, tables, { rows, length }, loss, { recompute, gradients: true });
  return tape.recorder.finish();
}

/** The plan of the norms of adapted rows, which shares the arena with the step. */
function recordStepNorms(
  config: DecoderConfig,
  step: PlannedStep,
  { traits, slabBytes, variantOf, quantisedVariantOf, attentionVariantOf }: RecordingDevice,
): Recording {
  const recorder = new Recorder(traits, variantOf, quantisedVariantOf, attentionVariantOf);
  recordNorms(recorder, config, abstractWeights(config, step, externalValue('seed', [1]), slabBytes));
  return recorder.finish();
}

/** @throws AppError as `recordStep` does. */
export function plannedActivationBytes(
  config: DecoderConfig,
  step: PlannedStep,
  device: RecordingDevice,
  activationBudgetBytes: number,
): ActivationBytes {
  const bytesOf = (recording: Recording): number => layoutArena(recording, device.slabBytes).bytes;
  const keeping = bytesOf(recordStep(config, step, device, false));
  const arena = keeping <= activationBudgetBytes ? keeping : bytesOf(recordStep(config, step, device, true));
  const bytes = Math.max(bytesOf(recordStepNorms(config, step, device)), arena);
  const rows = chunkRows(step.batchSize * step.sequenceLength, config.vocabSize);
  const logitsBytes = Math.min(bytes, rows * config.vocabSize * 4);
  return { activationsBytes: bytes - logitsBytes, logitsBytes };
}
