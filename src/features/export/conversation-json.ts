// A conversation as JSON with everything in it: the same record a workspace file holds.
import type { ConversationExporter } from '../../core/factories';
import { fileNameOf } from './file-name';

export const conversationJson: ConversationExporter = {
  export(conversation) {
    const text = `${JSON.stringify(conversation, null, 2)}\n`;
    const name = `${fileNameOf(conversation.title, 'conversation')}.json`;
    return { name, blob: new Blob([text], { type: 'application/json' }) };
  },
};
