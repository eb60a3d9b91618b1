import { describe, expect, it } from 'vitest';
import { createChatTemplate, type ChatTurn } from './chat-template';
import { createPlainTemplate } from './plain-template';
import { CHATML } from './testing/byte-tokenizer';

const TURNS: ChatTurn[] = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello' },
];

function template(config: Record<string, unknown>) {
  const created = createChatTemplate(JSON.stringify(config));
  if (created === null) throw new Error('no template');
  return created;
}

describe('chat-template', () => {
  it('is null where the model has none', () => {
    expect(createChatTemplate('{}')).toBeNull();
  });

  it('renders the conversation, with the generation prompt on demand', () => {
    const chatml = template({ chat_template: CHATML });
    const text = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n';
    expect(chatml.render(TURNS, { generationPrompt: false })).toBe(text);
    expect(chatml.render(TURNS.slice(0, 1), { generationPrompt: true })).toBe(
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  it('hands special tokens over, strings and objects', () => {
    const source = '{{ bos_token }}{{ messages[0].content }}{{ eos_token }}';
    const config = { chat_template: source, bos_token: '<s>', eos_token: { content: '</s>' } };
    expect(template(config).render(TURNS, { generationPrompt: false })).toBe('<s>Hi</s>');
  });

  it('takes the template named default from a list', () => {
    const list = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: 'words' },
    ];
    expect(template({ chat_template: list }).render(TURNS, { generationPrompt: false })).toBe('words');
  });

  it('gives parts to templates that loop over the content', () => {
    const source =
      "{% for m in messages %}{% for part in m['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }};{% endif %}{% endfor %}{% endfor %}";
    expect(template({ chat_template: source }).render(TURNS, { generationPrompt: false })).toBe('Hi;Hello;');
  });

  it('says why a conversation is refused', () => {
    const refusing = template({ chat_template: "{{ raise_exception('roles must alternate') }}" });
    expect(() => refusing.render(TURNS, { generationPrompt: false })).toThrow(/roles must alternate/);
  });

  it('refuses a template that cannot be parsed', () => {
    expect(() => createChatTemplate(JSON.stringify({ chat_template: '{% for %}' }))).toThrow(
      /cannot be read/,
    );
  });
});

describe('plain-template', () => {
  it('names the speakers and ends answers with the end of text', () => {
    const plain = createPlainTemplate({ eosTokenId: 7, decode: () => '<end>' });
    expect(plain.render(TURNS, { generationPrompt: false })).toBe('User: Hi\n\nAssistant: Hello<end>\n\n');
    expect(plain.render(TURNS.slice(0, 1), { generationPrompt: true })).toBe('User: Hi\n\nAssistant:');
  });
});
