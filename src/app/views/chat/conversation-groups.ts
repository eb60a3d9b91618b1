// Conversations by when they were last used, pinned ones first.
import type { Conversation } from '../../../protocol/conversations';

export type GroupName = 'pinned' | 'today' | 'yesterday' | 'week' | 'older';

export interface ConversationGroup {
  name: GroupName;
  items: Conversation[];
}

const NAMES: readonly GroupName[] = ['pinned', 'today', 'yesterday', 'week', 'older'];

/** Groups that are not empty, in order; days begin at local midnight. */
export function groupConversations(items: readonly Conversation[], now: number): ConversationGroup[] {
  const groups = NAMES.map((name): ConversationGroup => ({ name, items: [] }));
  for (const item of items) groups.find(({ name }) => name === groupOf(item, now))?.items.push(item);
  return groups.filter((group) => group.items.length > 0);
}

function groupOf(item: Conversation, now: number): GroupName {
  if (item.pinned) return 'pinned';
  if (item.updatedAt >= midnight(now, 0)) return 'today';
  if (item.updatedAt >= midnight(now, 1)) return 'yesterday';
  return item.updatedAt >= midnight(now, 7) ? 'week' : 'older';
}

/** Local midnight `days` before that of `now`; a Date counts days across clock changes. */
function midnight(now: number, days: number): number {
  const date = new Date(now);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - days).getTime();
}
