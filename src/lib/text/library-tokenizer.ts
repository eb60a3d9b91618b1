// A tokenizer of the library from a tokenizer.json, whichever of its parts the file leaves out.
import { Tokenizer } from '@huggingface/tokenizers';
import { AppError, messageOf } from '../errors';

/** @param kinds of tokenizers that the caller can use, for people. @throws AppError `model.unsupported` with what the library says. */
export function libraryTokenizer(
  document: Record<string, unknown>,
  config: Record<string, unknown>,
  kinds: string,
): Tokenizer {
  const parts = {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
  };
  try {
    return new Tokenizer({ ...parts, ...document }, config);
  } catch (cause) {
    throw new AppError('model.unsupported', `tokenizer.json cannot be used: ${messageOf(cause)}`, {
      remedy: `Use a model whose tokenizer.json is a ${kinds} one.`,
      cause,
    });
  }
}

/** Among its tokens; -1 without any. */
export function highestId(library: Tokenizer): number {
  let highest = -1;
  for (const id of library.get_vocab().values()) highest = Math.max(highest, id);
  return highest;
}
