// A model's Jinja chat template (tokenizer_config.json), rendered by @huggingface/jinja.
import { Template } from '@huggingface/jinja';
import { AppError, messageOf } from '../errors';
import { parseTokenizerJson, specialToken } from './tokenizer-config';

export interface ChatTemplate {
  /** The conversation as text; with `generationPrompt` it ends where the assistant starts to write. */
  render(turns: readonly ChatTurn[], options: { generationPrompt: boolean }): string;
}

export interface ChatTurn {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** Some templates write today's date; a fixed one keeps training and chat alike and batches the same every day. */
const FIXED_DATE = '26 Jul 2024';

/**
 * @returns null where the model has no chat template.
 * @throws AppError `model.unsupported` where the template cannot be parsed; `render` throws it where the template
 * refuses a conversation.
 */
export function createChatTemplate(tokenizerConfigJson: string): ChatTemplate | null {
  const config = parseTokenizerJson(tokenizerConfigJson, 'tokenizer_config.json');
  const source = templateSource(config['chat_template']);
  if (source === null) return null;
  const template = parseTemplate(source);
  const specials = {
    bos_token: specialToken(config, 'bos_token') ?? '',
    eos_token: specialToken(config, 'eos_token') ?? '',
    pad_token: specialToken(config, 'pad_token') ?? '',
    unk_token: specialToken(config, 'unk_token') ?? '',
  };
  const renderMessages = (messages: object[], generationPrompt: boolean): string =>
    template.render({
      messages,
      add_generation_prompt: generationPrompt,
      date_string: FIXED_DATE,
      ...specials,
    });
  return {
    render(turns, { generationPrompt }) {
      try {
        return renderMessages(asStrings(turns), generationPrompt);
      } catch (cause) {
        const text = attempt(() => renderMessages(asParts(turns), generationPrompt));
        if (text !== null) return text;
        throw refusal(cause);
      }
    },
  };
}

function asStrings(turns: readonly ChatTurn[]): object[] {
  return turns.map(({ role, content }) => ({ role, content }));
}

/** Templates of models that also see images may loop over the content, which only works on a list of parts here. */
function asParts(turns: readonly ChatTurn[]): object[] {
  return turns.map(({ role, content }) => ({
    role,
    content: role === 'system' ? content : [{ type: 'text', text: content }],
  }));
}

function attempt(render: () => string): string | null {
  try {
    return render();
  } catch {
    return null;
  }
}

function refusal(cause: unknown): AppError {
  return new AppError(
    'model.unsupported',
    `The model's chat template refuses this conversation: ${messageOf(cause)}`,
    { remedy: 'Let turns alternate between user and assistant, starting with the user.', cause },
  );
}

/** A string, or a list of named templates of which `default` is taken, else the first. */
function templateSource(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const named = Array.isArray(value) ? value.filter(isNamed) : [];
  return (named.find(({ name }) => name === 'default') ?? named[0])?.template ?? null;
}

function isNamed(value: unknown): value is { name: string; template: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    'template' in value &&
    typeof value.template === 'string'
  );
}

function parseTemplate(source: string): Template {
  try {
    return new Template(source);
  } catch (cause) {
    throw new AppError('model.unsupported', `The model's chat template cannot be read: ${messageOf(cause)}`, {
      remedy: 'Remove chat_template from tokenizer_config.json, or take a newer copy of the file.',
      cause,
    });
  }
}
