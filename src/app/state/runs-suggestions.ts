// In what runs differ, for their comparison. Pure.
import type { TrainingConfig } from '../../protocol/training';

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
