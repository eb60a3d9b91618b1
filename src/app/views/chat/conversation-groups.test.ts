import { describe, expect, it } from 'vitest';
import type { Conversation } from '../../../protocol/conversations';
import { groupConversations } from './conversation-groups';

const noon = new Date(2026, 2, 10, 12).getTime();
const HOUR = 3_600_000;

function used(id: string, hoursAgo: number, pinned = false): Conversation {
  const target = { modelId: 'm', adapterId: null };
  const sampling = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: null };
  const updatedAt = noon - hoursAgo * HOUR;
  const rest = { title: id, systemPrompt: '', maxTokens: 1, stop: [], messages: [], createdAt: 0 };
  return { id, pinned, target, sampling, updatedAt, ...rest };
}

describe('groupConversations', () => {
  it('groups: by local day, pinned apart, empty ones left out', () => {
    // Noon less 11 h is today, less 13 h is yesterday; 6 days ago is in the week, 9 days ago is not.
    const items = [used('now', 1), used('early', 11), used('late', 13), used('days', 144), used('old', 216)];
    const groups = groupConversations([...items, used('kept', 900, true)], noon);
    expect(groups.map(({ name, items }) => [name, ...items.map(({ id }) => id)])).toEqual([
      ['pinned', 'kept'],
      ['today', 'now', 'early'],
      ['yesterday', 'late'],
      ['week', 'days'],
      ['older', 'old'],
    ]);
  });
});
