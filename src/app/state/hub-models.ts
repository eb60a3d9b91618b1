// Which choices of a repository are one model: the same weights in several storages have one configuration, which one of them
// tells for all. Pure.
import { hasCode } from '../../lib/errors';
import type { HubChoice } from '../../protocol/hub';

const PRECISIONS = new Map([
  ['float32', 'F32'],
  ['float16', 'F16'],
  ['bfloat16', 'BF16'],
]);
const PART = /-\d{5}-of-\d{5}$/;

/** By the names of their files, less what names the storage. Order is kept. */
export function modelsOf(choices: readonly HubChoice[]): HubChoice[][] {
  const models = new Map<string, HubChoice[]>();
  for (const choice of choices) {
    const name = modelName(choice);
    models.set(name, [...(models.get(name) ?? []), choice]);
  }
  return [...models.values()];
}

function modelName({ id, format, quantisation }: HubChoice): string {
  const name = id.replace(PART, '');
  if (format !== 'gguf' || quantisation === null) return name;
  return name.slice(0, -quantisation.length).replace(/[-_.]$/, '');
}

/** What config.json says that the weights are stored in, as files name it; null where it says nothing known. */
export function precisionIn(configJson: string): string | null {
  try {
    const config: unknown = JSON.parse(configJson);
    if (typeof config !== 'object' || config === null) return null;
    const named: unknown = Reflect.get(config, 'dtype') ?? Reflect.get(config, 'torch_dtype');
    return typeof named === 'string' ? (PRECISIONS.get(named) ?? null) : null;
  } catch {
    return null;
  }
}

/** The file is of a model that may be fine, but stored in a way that is not read: another file may tell of it. */
export function isOfStorage(error: unknown): boolean {
  return hasCode(error, 'model.unsupported') && 'tensor' in error.details && 'type' in error.details;
}
