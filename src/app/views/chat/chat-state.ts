// The chat's state outlives its screen: an answer goes on while the user looks at another one. Made at the first visit.
import { defaultSettings } from '../../../core/config/settings';
import { t } from '../../i18n/index.svelte';
import type { AppServices } from '../../state/app-context';
import { ChatSession } from '../../state/chat-session.svelte';
import { Conversations } from '../../state/conversations.svelte';

export interface ChatState {
  conversations: Conversations;
  session: ChatSession;
}

const states = new WeakMap<AppServices, ChatState>();

export function chatStateOf(app: AppServices): ChatState {
  const existing = states.get(app);
  if (existing !== undefined) return existing;
  const conversations = new Conversations(app.database);
  const session = new ChatSession({
    engine: app.clients.engine,
    conversations,
    generation: (app.settings?.current ?? defaultSettings).generation,
    onSaveError: (error) => app.dialogs.error(error, { title: t('chat.lastSaveFailed') }),
  });
  const state = { conversations, session };
  states.set(app, state);
  return state;
}
