// A conversation as Markdown for people. Only the chosen variant of each message is written.
import type { ConversationExporter } from '../../core/factories';
import type { Conversation, ConversationMessage } from '../../protocol/conversations';
import { dayOf, fileNameOf } from './file-name';

export const conversationMarkdown: ConversationExporter = {
  export(conversation) {
    const text = toMarkdown(conversation);
    const name = `${fileNameOf(conversation.title, 'conversation')}.md`;
    return { name, blob: new Blob([text], { type: 'text/markdown' }) };
  },
};

export function toMarkdown(conversation: Conversation): string {
  const { title, target, systemPrompt, messages, createdAt } = conversation;
  const model = target.adapterId === null ? target.modelId : `${target.modelId} with ${target.adapterId}`;
  return [
    `# ${title === '' ? 'Conversation' : title}`,
    `${dayOf(createdAt)}, ${model}`,
    ...(systemPrompt === '' ? [] : [`## System\n\n${systemPrompt}`]),
    ...messages.map(messageMarkdown),
    '',
  ].join('\n\n');
}

function messageMarkdown(message: ConversationMessage): string {
  const variant = message.variants[message.selected];
  const speaker = message.role === 'user' ? 'You' : 'Model';
  const reason = variant?.interrupted ?? null;
  const interrupted = reason === null ? '' : `\n\n*Cut short: ${reason}*`;
  return `## ${speaker}\n\n${variant?.content ?? ''}${interrupted}`;
}
