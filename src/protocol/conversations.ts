// Kept conversations. A message may have several variants (regenerated or edited); `selected` is the one shown.
import type { GenerationStats, SamplingConfig } from './inference';
import type { ModelTarget } from './models';

export interface MessageVariant {
  content: string;
  /** null for the user's messages. */
  target: ModelTarget | null;
  stats: GenerationStats | null;
  /** Set when it was cut short: stopped by the user or by an error, whose message this is. */
  interrupted: string | null;
  createdAt: number;
}

export interface ConversationMessage {
  id: string;
  role: 'user' | 'assistant';
  variants: MessageVariant[];
  selected: number;
}

export interface Conversation {
  id: string;
  title: string;
  pinned: boolean;
  systemPrompt: string;
  target: ModelTarget;
  sampling: SamplingConfig;
  maxTokens: number;
  stop: string[];
  messages: ConversationMessage[];
  createdAt: number;
  updatedAt: number;
}
