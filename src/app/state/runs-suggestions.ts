// Ways to make a run smaller when it does not fit into memory, the least painful first. Pure.
import type { TrainingConfig } from '../../protocol/training';

export type SmallerKey = 'batch' | 'sequence' | 'both' | 'lora' | 'loraSmallest';

export interface SmallerConfig {
  key: SmallerKey;
  change: Partial<TrainingConfig>;
}

const SHORTEST = 64;

/** Keeps the effective batch: what leaves the batch goes into accumulation. */
export function smallerConfigs(config: TrainingConfig): SmallerConfig[] {
  const batch = {
    batchSize: 1,
    gradientAccumulation: config.gradientAccumulation * config.batchSize,
  };
  const sequence = { sequenceLength: Math.max(SHORTEST, Math.floor(config.sequenceLength / 2)) };
  const shortest = { sequenceLength: Math.max(SHORTEST, Math.floor(config.sequenceLength / 4)) };
  const all: (SmallerConfig & { useful: boolean })[] = [
    { key: 'batch', change: batch, useful: config.batchSize > 1 },
    { key: 'sequence', change: sequence, useful: config.sequenceLength > SHORTEST },
    { key: 'both', change: { ...batch, ...shortest }, useful: config.sequenceLength > SHORTEST },
    { key: 'lora', change: { method: 'lora' }, useful: config.method === 'full' },
    {
      key: 'loraSmallest',
      change: { method: 'lora', ...batch, ...shortest },
      useful: config.method === 'full',
    },
  ];
  return all.filter((candidate) => candidate.useful).map(({ key, change }) => ({ key, change }));
}

export interface ConfigDifference {
  path: string;
  /** One value per configuration, as text. */
  values: string[];
}

/** Fields in which the configurations differ, for the comparison of runs. Names are left out. */
export function differingFields(configs: readonly TrainingConfig[]): ConfigDifference[] {
  const flat = configs.map(flatten);
  const paths = new Set(flat.flatMap((entries) => [...entries.keys()]));
  paths.delete('name');
  return [...paths].flatMap((path) => {
    const values = flat.map((entries) => entries.get(path) ?? '');
    return new Set(values).size > 1 ? [{ path, values }] : [];
  });
}

function flatten(config: TrainingConfig): Map<string, string> {
  const entries = new Map<string, string>();
  for (const [key, value] of Object.entries(config) as [string, unknown][]) {
    if (key === 'lora') {
      for (const [part, inner] of Object.entries(config.lora) as [string, unknown][]) {
        entries.set(`lora.${part}`, asText(inner));
      }
    } else {
      entries.set(key, asText(value));
    }
  }
  return entries;
}

function asText(value: unknown): string {
  if (Array.isArray(value)) return value.join(' ');
  return value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}
