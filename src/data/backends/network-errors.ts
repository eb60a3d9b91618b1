// What the network says, as the contract of backends has it. Errors of a backend stay as they are.
import { AppError } from '../../lib/errors';

export function asBackendError(error: unknown): unknown {
  if (!(error instanceof AppError)) return error;
  const failure = error as AppError;
  if (!failure.code.startsWith('download.')) return failure;
  const remedy = failure.remedy?.replace(/ What is here is kept.*$/, '');
  return new AppError('backend.unreachable', failure.message, {
    details: { ...failure.details, code: failure.code },
    ...(remedy === undefined ? {} : { remedy }),
    cause: failure,
  });
}
