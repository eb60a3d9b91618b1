// A ModelPlan for a decoder: what it takes, and how it comes onto either engine. A family says what its config.json means and
// where its weights stand; the rest is the same for all.
import { LOGITS_TILE_BYTES } from '../../engine';
import { WeightLayout } from '../../engine/planned';
import { adapterModules } from '../decoder/adapter-modules';
import type { DecoderConfig } from '../decoder/decoder-config';
import { adapterShapes } from '../decoder/decoder-names';
import { savedBytesPerToken } from '../decoder/eager/eager-graph';
import { EagerRuntime } from '../decoder/eager/eager-runtime';
import { plannedActivationBytes } from '../decoder/planned/plan-bytes';
import { PlannedRuntime } from '../decoder/planned/planned-runtime';
import { baseGroups } from '../decoder/planned/weight-groups';
import { ACTIVATION_BUDGET_BYTES } from '../memory-budget';
import type { ActivationBytes, ModelPlan } from '../model-family';
import { proveTraits } from '../prove-traits';
import { requirePlans } from '../require-plans';
import { WeightPlaces, type WeightPlace } from '../decoder/weight-places';

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

/** @param placeOf where a weight of the decoder stands in the family's files; absent: under its own name. */
export function decoderPlan(config: DecoderConfig, placeOf?: (weight: string) => WeightPlace): ModelPlan {
  const files = new WeightPlaces(config, placeOf);
  return {
    vocabSize: config.vocabSize,
    contextLength: config.contextLength,
    stopTokenIds: config.stopTokenIds,
    decoder: config,
    weightShapes: () => files.shapes(),
    decoderReader: (read) => files.decoderReader(read),
    fileReader: (decoder) => files.fileReader(decoder),
    adapterShapes: (lora) => adapterShapes(config, lora),
    adapterModules: () => adapterModules(config, files),
    activationBytes: (tokens, sequenceLength) => activationBytes(config, tokens, sequenceLength),
    plannedActivationBytes: (training, plans) =>
      plannedActivationBytes(config, training, plans, ACTIVATION_BUDGET_BYTES),
    plannedWeights(storage, { slabBytes }) {
      const { bytes, largest, cutGroups } = new WeightLayout(baseGroups(config, storage), slabBytes, false);
      return {
        bytes,
        largest: { name: largest?.name ?? '', bytes: largest?.bytes ?? 0 },
        cutMatrices: cutGroups,
      };
    },
    async load(read, plans, storage = 'f32') {
      requirePlans(storage, plans);
      if (plans === null) return EagerRuntime.load(config, read, ACTIVATION_BUDGET_BYTES);
      await proveTraits(plans, config);
      return PlannedRuntime.load(plans, config, read, ACTIVATION_BUDGET_BYTES, storage);
    },
  };
}
