// The learning rate to start from. Measured: LoRA on models of a few million weights does not move within fifty steps
// at the usual 1e-3 and learns at 1e-2; every weight at once, or a larger model, would diverge there.
import { trainingDefaults } from '../../core/config/training-config';
import type { TrainingConfig } from '../../protocol/training';

const SMALL_PARAMETERS = 10e6;
export const SMALL_MODEL_RATE = 1e-2;

/** `parameters` of the base model. */
export function suggestedRate(method: TrainingConfig['method'], parameters: number): number {
  return method === 'lora' && parameters < SMALL_PARAMETERS
    ? SMALL_MODEL_RATE
    : trainingDefaults.learningRate;
}

/** The suggestion while the rate is still a suggested one; a rate of the user's own stays. */
export function followSuggestion(
  { method, learningRate }: Pick<TrainingConfig, 'method' | 'learningRate'>,
  parameters: number,
): number {
  const untouched = learningRate === SMALL_MODEL_RATE || learningRate === trainingDefaults.learningRate;
  return untouched ? suggestedRate(method, parameters) : learningRate;
}
