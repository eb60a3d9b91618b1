// Changes to a conversation as pure functions: the old value goes in, a new one comes out. No storage, no generation.
import type { Conversation, ConversationMessage, MessageVariant } from '../../protocol/conversations';
import type { ChatMessage } from '../../protocol/inference';
import type { ModelTarget } from '../../protocol/models';

/** What `interrupted` says when the user stopped the answer; anything else is an error's message. */
export const STOPPED = 'cancelled';
const TITLE_LENGTH = 48;

export function newVariant(content: string, target: ModelTarget | null, createdAt: number): MessageVariant {
  return { content, target, stats: null, interrupted: null, createdAt };
}

export function newMessage(
  id: string,
  role: ConversationMessage['role'],
  variants: MessageVariant[],
): ConversationMessage {
  return { id, role, variants, selected: variants.length - 1 };
}

/** The variant that is shown. */
export function shownVariant(message: ConversationMessage): MessageVariant {
  const variant = message.variants[message.selected] ?? message.variants.at(-1);
  if (variant === undefined) throw new RangeError(`Message ${message.id} has no variant.`);
  return variant;
}

/** The latest answer of the base (`tuned` false) or of an adapter, with its place; null where there is none. */
export function variantOf(message: ConversationMessage, tuned: boolean): MessageVariant | null {
  return (
    message.variants.findLast(({ target }) => target !== null && (target.adapterId !== null) === tuned) ??
    null
  );
}

export function addMessage(conversation: Conversation, message: ConversationMessage): Conversation {
  const first = conversation.messages.length === 0 && message.role === 'user';
  const title =
    first && conversation.title === '' ? titleOf(shownVariant(message).content) : conversation.title;
  return { ...conversation, title, messages: [...conversation.messages, message] };
}

/** Everything up to and without that message. */
export function cutBefore(conversation: Conversation, messageId: string): Conversation {
  const at = conversation.messages.findIndex(({ id }) => id === messageId);
  return at === -1 ? conversation : { ...conversation, messages: conversation.messages.slice(0, at) };
}

/** Everything up to and with that message. */
export function cutAfter(conversation: Conversation, messageId: string): Conversation {
  const at = conversation.messages.findIndex(({ id }) => id === messageId);
  return at === -1 ? conversation : { ...conversation, messages: conversation.messages.slice(0, at + 1) };
}

export function changeMessage(
  conversation: Conversation,
  messageId: string,
  change: (message: ConversationMessage) => ConversationMessage,
): Conversation {
  const messages = conversation.messages.map((message) =>
    message.id === messageId ? change(message) : message,
  );
  return { ...conversation, messages };
}

/** Adds a variant and shows it. An empty one that failed is replaced: it was never an answer. */
export function addVariant(message: ConversationMessage, variant: MessageVariant): ConversationMessage {
  const kept = message.variants.filter(({ content, interrupted }) => content !== '' || interrupted === null);
  return { ...message, variants: [...kept, variant], selected: kept.length };
}

export function changeLastVariant(
  message: ConversationMessage,
  change: Partial<MessageVariant>,
): ConversationMessage {
  const last = message.variants.length - 1;
  const variants = message.variants.map((variant, index) =>
    index === last ? { ...variant, ...change } : variant,
  );
  return { ...message, variants };
}

export function selectVariant(message: ConversationMessage, index: number): ConversationMessage {
  return { ...message, selected: Math.max(0, Math.min(index, message.variants.length - 1)) };
}

/**
 * What the model reads to answer `messageId`: the system prompt and the turns before it. Answers that failed are left out.
 * @param dropped turns left out from the start, so that the rest fits; the last user message always stays.
 */
export function promptFor(conversation: Conversation, messageId: string, dropped = 0): ChatMessage[] {
  const before = cutBefore(conversation, messageId).messages.filter(
    (message) => message.role === 'user' || shownVariant(message).content !== '',
  );
  const from = Math.min(dropped, Math.max(0, before.length - 1));
  const turns = before.slice(from).map((message): ChatMessage => ({
    role: message.role,
    content: shownVariant(message).content,
  }));
  const system = conversation.systemPrompt.trim();
  return system === '' ? turns : [{ role: 'system', content: system }, ...turns];
}

/** First line of the text, cut at a word. */
export function titleOf(text: string): string {
  const line = text.trim().split('\n')[0]?.trim() ?? '';
  if (line.length <= TITLE_LENGTH) return line;
  const cut = line.slice(0, TITLE_LENGTH);
  const space = cut.lastIndexOf(' ');
  return `${space > TITLE_LENGTH / 2 ? cut.slice(0, space) : cut}…`;
}
