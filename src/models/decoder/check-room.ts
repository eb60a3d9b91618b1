// The context length as a limit of what a session may hold.
import { AppError } from '../../lib/errors';

/** @throws AppError `inference.too-long` where `tokens` do not fit. */
export function checkRoom(tokens: number, contextLength: number): void {
  if (tokens <= contextLength) return;
  throw new AppError('inference.too-long', `${tokens} tokens do not fit the context of ${contextLength}.`, {
    details: { tokens, contextLength },
    remedy: 'Start a new conversation or shorten the text.',
  });
}
