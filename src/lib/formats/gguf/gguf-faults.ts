// The complaints about a GGUF file, in one voice.
import { AppError } from '../../errors';

/** The header contradicts the format or itself. */
export function badGguf(fact: string, details: Record<string, unknown> = {}): AppError<'model.bad-header'> {
  return new AppError('model.bad-header', `The GGUF header is not valid: ${fact}.`, {
    details,
    remedy: 'Download the file again from where it came; it must end in .gguf.',
  });
}

/** What the header promises lies beyond the end of the file. */
export function truncatedGguf(
  fact: string,
  details: Record<string, unknown> = {},
): AppError<'model.truncated'> {
  return new AppError('model.truncated', `The GGUF file is cut short: ${fact}.`, {
    details,
    remedy: 'Download the file again; the transfer did not finish.',
  });
}

/** A sound file that cannot be used here. */
export function unsupportedGguf(
  fact: string,
  remedy: string,
  details: Record<string, unknown> = {},
): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `The GGUF file cannot be used: ${fact}.`, { details, remedy });
}
