// From a request to the ids that the model is fed, and the check that they leave room for an answer.
import { AppError } from '../lib/errors';
import { createPlainTemplate } from '../lib/text/plain-template';
import type { LoadedModel } from '../models/loaded-model';
import type { ChatMessage, GenerationRequest } from '../protocol/inference';

/** @throws AppError `inference.too-long` where the prompt leaves no room for a token. */
export function encodePrompt(model: LoadedModel, input: GenerationRequest['input']): number[] {
  const text = 'prompt' in input ? input.prompt : renderMessages(model, input.messages);
  const ids = model.tokenizer.encode(text);
  // A model has to be fed something: the beginning of a text, by its own name for it.
  if (ids.length === 0) ids.push(model.tokenizer.bosTokenId ?? model.tokenizer.eosTokenId ?? 0);
  if (ids.length >= model.contextLength) {
    throw new AppError(
      'inference.too-long',
      `The prompt has ${ids.length} tokens, but the model's context holds ${model.contextLength}.`,
      {
        details: { promptTokens: ids.length, contextLength: model.contextLength },
        remedy: 'Shorten the message or start a new conversation.',
      },
    );
  }
  return ids;
}

/** By the model's own template; a model without one gets the plain form that training uses for it as well. */
function renderMessages(model: LoadedModel, messages: readonly ChatMessage[]): string {
  const template = model.chatTemplate ?? createPlainTemplate(model.tokenizer);
  return template.render(messages, { generationPrompt: true });
}
