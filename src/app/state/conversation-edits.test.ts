import { describe, expect, it } from 'vitest';
import type { Conversation } from '../../protocol/conversations';
import {
  addMessage,
  addVariant,
  changeLastVariant,
  changeMessage,
  newMessage,
  newVariant,
  promptFor,
  selectVariant,
  shownVariant,
  titleOf,
  variantOf,
} from './conversation-edits';

const base = { modelId: 'm', adapterId: null };
const tuned = { modelId: 'm', adapterId: 'a' };

function empty(): Conversation {
  return {
    id: 'c',
    title: '',
    pinned: false,
    systemPrompt: '',
    target: base,
    sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 1 },
    maxTokens: 10,
    stop: [],
    messages: [],
    createdAt: 0,
    updatedAt: 0,
  };
}

/** user "one", assistant "uno", user "two", assistant "". */
function talk(): Conversation {
  let conversation = addMessage(empty(), newMessage('u1', 'user', [newVariant('one', null, 1)]));
  conversation = addMessage(conversation, newMessage('a1', 'assistant', [newVariant('uno', base, 2)]));
  conversation = addMessage(conversation, newMessage('u2', 'user', [newVariant('two', null, 3)]));
  return addMessage(conversation, newMessage('a2', 'assistant', [newVariant('', base, 4)]));
}

describe('conversation edits', () => {
  it('title: the first user message names the conversation, later ones do not', () => {
    expect(talk().title).toBe('one');
  });

  it('title: long first lines are cut at a word', () => {
    expect(titleOf(`${'word '.repeat(12)}\nsecond line`)).toBe(`${'word '.repeat(9).trim()}…`);
  });

  it('prompt: everything before the answer, with the system prompt in front', () => {
    const conversation = { ...talk(), systemPrompt: ' Be brief. ' };
    expect(promptFor(conversation, 'a2')).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'uno' },
      { role: 'user', content: 'two' },
    ]);
  });

  it('prompt: dropped turns leave from the start, the last user message stays', () => {
    const contents = (dropped: number) => promptFor(talk(), 'a2', dropped).map(({ content }) => content);
    expect(contents(2)).toEqual(['two']);
    expect(contents(9)).toEqual(['two']);
  });

  it('variants: a regenerated answer is shown, the former one kept', () => {
    const message = addVariant(
      newMessage('a', 'assistant', [newVariant('first', base, 1)]),
      newVariant('', tuned, 2),
    );
    const done = changeLastVariant(message, { content: 'second' });
    expect(done.variants.map(({ content }) => content)).toEqual(['first', 'second']);
    expect(shownVariant(done).content).toBe('second');
    expect(shownVariant(selectVariant(done, -5)).content).toBe('first');
  });

  it('variants: an empty failed answer is replaced', () => {
    const failed = newMessage('a', 'assistant', [{ ...newVariant('', base, 1), interrupted: 'no device' }]);
    const again = addVariant(failed, newVariant('', base, 2));
    expect(again.variants).toHaveLength(1);
    expect(again.selected).toBe(0);
  });

  it('compare: finds the latest answer of the base and of the adapter', () => {
    const conversation = changeMessage(talk(), 'a1', (message) =>
      addVariant(message, newVariant('hot', tuned, 5)),
    );
    const answer = conversation.messages[1];
    expect(answer && variantOf(answer, false)?.content).toBe('uno');
    expect(answer && variantOf(answer, true)?.content).toBe('hot');
  });
});
