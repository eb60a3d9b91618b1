// How a conversation is written for a model that has no chat template of its own. Training and chat use the same words,
// so a base model that was tuned with it can be chatted with.
//
//   System: <content>\n\n
//   User: <content>\n\n
//   Assistant: <content><end-of-text>\n\n
//
// The generation prompt is `Assistant:`; the answer begins with the space that follows.
import type { ChatTemplate } from './chat-template';
import type { Tokenizer } from './tokenizer';

const NAMES = { system: 'System', user: 'User', assistant: 'Assistant' } as const;

export function createPlainTemplate(tokenizer: Pick<Tokenizer, 'decode' | 'eosTokenId'>): ChatTemplate {
  const end = tokenizer.eosTokenId === null ? '' : tokenizer.decode([tokenizer.eosTokenId]);
  return {
    render(turns, { generationPrompt }) {
      const text = turns
        .map(({ role, content }) => `${NAMES[role]}: ${content}${role === 'assistant' ? end : ''}\n\n`)
        .join('');
      return generationPrompt ? `${text}${NAMES.assistant}:` : text;
    },
  };
}
