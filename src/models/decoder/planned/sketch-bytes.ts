// What a training step on plans will take, nearly: laid out for a few layers and drawn out to all of them, since each layer adds
// the same. For telling what fits, where the exact layout of a deep model takes too long; a run is planned by `plan-bytes`.
import type { ActivationBytes } from '../../model-family';
import type { DecoderConfig } from '../decoder-config';
import { plannedActivationBytes, type PlannedStep } from './plan-bytes';

/** The first layers and the last one may share memory with what is around them. */
const LAYERS = [2, 4] as const;

type Device = Parameters<typeof plannedActivationBytes>[2];

/** @throws AppError as `recordStep` does. */
export function sketchActivationBytes(
  config: DecoderConfig,
  step: PlannedStep,
  device: Device,
  activationBudgetBytes: number,
): ActivationBytes {
  if (config.layers <= LAYERS[1]) return plannedActivationBytes(config, step, device, activationBudgetBytes);
  const drawnOut = (budgetBytes: number): ActivationBytes => {
    const [few, more] = LAYERS.map((layers) =>
      plannedActivationBytes(withLayers(config, layers), step, device, budgetBytes),
    ) as [ActivationBytes, ActivationBytes];
    const perLayer = (more.activationsBytes - few.activationsBytes) / (LAYERS[1] - LAYERS[0]);
    const beyond = config.layers - LAYERS[1];
    return { ...more, activationsBytes: Math.round(more.activationsBytes + perLayer * beyond) };
  };
  const keeping = drawnOut(Infinity);
  const bytes = keeping.activationsBytes + keeping.logitsBytes;
  // With no budget at all, every layer is worked out again.
  return bytes <= activationBudgetBytes ? keeping : drawnOut(0);
}

function withLayers(config: DecoderConfig, layers: number): DecoderConfig {
  const { traits } = config;
  const localLayers = traits?.localLayers?.slice(0, layers);
  if (localLayers === undefined) return { ...config, layers };
  return { ...config, layers, traits: { ...traits, localLayers } };
}
