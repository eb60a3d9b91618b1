// Ways to make a run smaller when it does not fit into memory, the least painful first, and the first that does fit.
import { hasCode } from '../../lib/errors';
import type { MemoryEstimate, TrainingConfig } from '../../protocol/training';

export type SmallerKey =
  'batch' | 'int4' | 'sequence' | 'both' | 'int4Smallest' | 'lora' | 'loraSmallest' | 'qloraSmallest';

export interface SmallerConfig {
  key: SmallerKey;
  change: Partial<TrainingConfig>;
}

const SHORTEST = 64;

/** Keeps the effective batch: what leaves the batch goes into accumulation. */
export function smallerConfigs(config: TrainingConfig): SmallerConfig[] {
  const { batchSize, gradientAccumulation, sequenceLength, method, baseStorage } = config;
  const batch = { batchSize: 1, gradientAccumulation: gradientAccumulation * batchSize };
  const sequence = { sequenceLength: Math.max(SHORTEST, Math.floor(sequenceLength / 2)) };
  const smallest = { ...batch, sequenceLength: Math.max(SHORTEST, Math.floor(sequenceLength / 4)) };
  const int4 = { baseStorage: 'int4' as const };
  const isLong = sequenceLength > SHORTEST;
  const isFull = method === 'full';
  const hasBits = !isFull && baseStorage !== 'int4';
  const all: (SmallerConfig & { useful: boolean })[] = [
    { key: 'batch', change: batch, useful: batchSize > 1 },
    { key: 'int4', change: int4, useful: hasBits },
    { key: 'sequence', change: sequence, useful: isLong },
    { key: 'both', change: smallest, useful: isLong },
    { key: 'int4Smallest', change: { ...int4, ...smallest }, useful: hasBits && (isLong || batchSize > 1) },
    { key: 'lora', change: { method: 'lora' }, useful: isFull },
    { key: 'loraSmallest', change: { method: 'lora', ...smallest }, useful: isFull },
    { key: 'qloraSmallest', change: { method: 'lora', ...int4, ...smallest }, useful: isFull },
  ];
  return all.filter((candidate) => candidate.useful).map(({ key, change }) => ({ key, change }));
}

export interface FittingConfig extends SmallerConfig {
  bytes: number;
}

/** @param estimate what a configuration takes; one that the device cannot do at all does not fit. */
export async function firstThatFits(
  config: TrainingConfig,
  estimate: (config: TrainingConfig) => Promise<MemoryEstimate>,
): Promise<FittingConfig | null> {
  for (const candidate of smallerConfigs(config)) {
    try {
      const { fits, totalBytes } = await estimate({ ...config, ...candidate.change });
      if (fits) return { ...candidate, bytes: totalBytes };
    } catch (error) {
      if (!hasCode(error, 'engine.out-of-memory') && !hasCode(error, 'model.unsupported')) throw error;
    }
  }
  return null;
}
