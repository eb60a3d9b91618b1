// What is wrong with an adapter's files, in errors that name it.
import { AppError } from '../../lib/errors';
import type { ModelRecord } from '../../protocol/models';

export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';
export const ADAPTER_CONFIG = 'adapter_config.json';

export function badConfig(
  fact: string,
  details: Record<string, unknown> = {},
  remedy = 'Use the unchanged adapter_config.json that belongs to these adapter weights.',
): AppError<'adapter.bad-config'> {
  return new AppError('adapter.bad-config', `${ADAPTER_CONFIG}: ${fact}.`, { details, remedy });
}

export function badWeights(
  fact: string,
  remedy: string,
  details: Record<string, unknown> = {},
): AppError<'adapter.bad-config'> {
  return new AppError('adapter.bad-config', `The adapter cannot be used: ${fact}.`, { details, remedy });
}

export function baseMismatch(
  base: Pick<ModelRecord, 'id' | 'name'>,
  fact: string,
): AppError<'adapter.base-mismatch'> {
  return new AppError('adapter.base-mismatch', `The adapter does not belong to ${base.name}: ${fact}.`, {
    details: { baseModelId: base.id },
    remedy: 'Choose the model that the adapter was trained on.',
  });
}
