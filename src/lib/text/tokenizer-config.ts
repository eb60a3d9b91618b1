// Reading tokenizer.json and tokenizer_config.json before anything is made of them.
import { AppError, messageOf } from '../errors';

/** A special token of a parsed tokenizer_config.json: a string, or an object with its content. */
export function specialToken(config: Record<string, unknown>, key: string): string | null {
  const value = config[key];
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'content' in value) {
    return typeof value.content === 'string' ? value.content : null;
  }
  return null;
}

/** @throws AppError `model.unsupported` where `json` is not a JSON object. */
export function parseTokenizerJson(json: string, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (cause) {
    throw new AppError('model.unsupported', `${file} is not JSON: ${messageOf(cause)}`, {
      remedy: `Download ${file} again and import the model once more.`,
      cause,
    });
  }
  throw new AppError('model.unsupported', `${file} is not a JSON object.`, {
    remedy: `Download ${file} again and import the model once more.`,
  });
}
