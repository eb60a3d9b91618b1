// The Llama family: Hugging Face's LlamaForCausalLM, and MistralForCausalLM, which is the same with a window.
import type { WeightReader } from '../file-layout';
import type { ActivationBytes, ModelFamily, ModelPlan, ModelRuntime } from '../model-family';
import { LOGITS_TILE_BYTES, type PlanDevice } from '../../engine';
import { WeightLayout } from '../../engine/planned';
import type { WeightStorage } from '../../protocol/models';
import { ACTIVATION_BUDGET_BYTES } from '../memory-budget';
import { requirePlans } from '../require-plans';
import { savedBytesPerToken } from '../decoder/eager/eager-graph';
import type { DecoderConfig } from '../decoder/decoder-config';
import { adapterShapes, targetOf, weightShapes } from '../decoder/decoder-names';
import { EagerRuntime } from '../decoder/eager/eager-runtime';
import { parseLlamaConfig } from './parse-config';
import { plannedActivationBytes } from '../decoder/planned/plan-bytes';
import { PlannedRuntime } from '../decoder/planned/planned-runtime';
import { baseGroups } from '../decoder/planned/weight-groups';

const FLOAT_BYTES = 4;

function activationBytes(config: DecoderConfig, tokens: number, sequenceLength: number): ActivationBytes {
  const perBlock = savedBytesPerToken(config, sequenceLength) * tokens;
  const kept = perBlock * config.layers <= ACTIVATION_BUDGET_BYTES ? config.layers : 1;
  const inputs = (config.layers + 1) * tokens * config.hiddenSize * FLOAT_BYTES;
  // The backward pass of a block holds about as much again as its forward pass kept.
  const activationsBytes = (kept + 1) * perBlock + inputs;
  // Logits, probabilities and their gradient, one tile of rows at a time.
  const logitsBytes = 3 * Math.min(LOGITS_TILE_BYTES, tokens * config.vocabSize * FLOAT_BYTES);
  return { activationsBytes, logitsBytes };
}

function planOf(config: DecoderConfig): ModelPlan {
  return {
    vocabSize: config.vocabSize,
    contextLength: config.contextLength,
    stopTokenIds: config.stopTokenIds,
    decoder: config,
    decoderReader: (files) => files,
    fileReader: (decoder) => decoder,
    weightShapes: () => weightShapes(config),
    adapterShapes: (lora) => adapterShapes(config, lora),
    targetOf: (modulePath) => targetOf(config, modulePath),
    activationBytes: (tokens, sequenceLength) => activationBytes(config, tokens, sequenceLength),
    plannedActivationBytes: (training, plans) =>
      plannedActivationBytes(config, training, plans, ACTIVATION_BUDGET_BYTES),
    plannedWeightBytes: (storage, { slabBytes }) =>
      new WeightLayout(baseGroups(config, storage), slabBytes, false).bytes,
    load: async (
      read: WeightReader,
      plans: PlanDevice | null,
      storage: WeightStorage = 'f32',
    ): Promise<ModelRuntime> => {
      requirePlans(storage, plans);
      return plans === null
        ? EagerRuntime.load(config, read, ACTIVATION_BUDGET_BYTES)
        : PlannedRuntime.load(plans, config, read, ACTIVATION_BUDGET_BYTES, storage);
    },
  };
}

export const llamaFamily: ModelFamily = {
  name: 'llama',
  architectures: ['LlamaForCausalLM', 'MistralForCausalLM'],
  plan: (configJson) => planOf(parseLlamaConfig(configJson)),
};
