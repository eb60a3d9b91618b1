import { describe, expect, it } from 'vitest';
import type { Conversation } from '../../protocol/conversations';
import { conversationJson } from './conversation-json';
import { parseWorkspace } from './workspace-schema';

const conversation: Conversation = {
  id: 'c1',
  title: 'Hot iron',
  pinned: false,
  systemPrompt: '',
  target: { modelId: 'm', adapterId: null },
  sampling: { temperature: 0.8, topK: 50, topP: 0.95, minP: 0, repetitionPenalty: 1.1, seed: null },
  maxTokens: 128,
  stop: [],
  messages: [
    {
      id: 'q',
      role: 'user',
      variants: [{ content: 'How hot?', target: null, stats: null, interrupted: null, createdAt: 1 }],
      selected: 0,
    },
  ],
  createdAt: 1,
  updatedAt: 2,
};

describe('workspace file', () => {
  it('takes a conversation exported on its own', async () => {
    const { blob } = conversationJson.export(conversation);
    const { conversations, runs } = parseWorkspace(JSON.parse(await blob.text()));
    expect(conversations).toEqual([conversation]);
    expect(runs).toBeUndefined();
  });

  it('refuses another file and a damaged conversation', () => {
    expect(() => parseWorkspace({ hello: 1 })).toThrow('not a file exported');
    expect(() => parseWorkspace({ ...conversation, maxTokens: 'many' })).toThrow('conversations.0.maxTokens');
  });
});
