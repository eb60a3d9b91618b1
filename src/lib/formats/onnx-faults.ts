// The complaints about an ONNX file, in one voice.
import { AppError } from '../errors';

/** The file contradicts the format or itself. */
export function badOnnx(fact: string, details: Record<string, unknown> = {}): AppError<'model.bad-header'> {
  return new AppError('model.bad-header', `The ONNX file is not valid: ${fact}.`, {
    details,
    remedy: 'Download the file again from where it came; it must end in .onnx.',
  });
}

/** What the file promises lies beyond its end, or beyond that of the file with its weights. */
export function truncatedOnnx(
  fact: string,
  details: Record<string, unknown> = {},
): AppError<'model.truncated'> {
  return new AppError('model.truncated', `The ONNX file is cut short: ${fact}.`, {
    details,
    remedy: 'Download the file again; the transfer did not finish.',
  });
}

/** A sound file that cannot be used here. */
export function unsupportedOnnx(
  fact: string,
  remedy: string,
  details: Record<string, unknown> = {},
): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `The ONNX file cannot be used: ${fact}.`, { details, remedy });
}
