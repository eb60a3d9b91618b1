import { describe, expect, it } from 'vitest';
import { type ChatTemplate, type ChatTurn, createChatTemplate } from '../../lib/text/chat-template';
import { createTokenizer } from '../../lib/text/hf-tokenizer';
import { createPlainTemplate } from '../../lib/text/plain-template';
import { byteTokenizerSource, CHATML, sentencePieceSource } from '../../lib/text/testing/byte-tokenizer';
import type { Sample } from '../../protocol/datasets';
import { renderConversation } from './answer-spans';
import { type Example, ExampleEncoder } from './example-encoder';
import { lengthHistogram } from './length-histogram';
import { maskTokens } from './token-mask';
import type { KeptPart } from '../../protocol/datasets';
import { cutExample, cutStart } from './windows';

const TALK: ChatTurn[] = [
  { role: 'user', content: 'assistant' },
  { role: 'assistant', content: 'hello é' },
  { role: 'user', content: 'more' },
  { role: 'assistant', content: 'assistant' },
];

function template(source: string): ChatTemplate {
  const created = createChatTemplate(JSON.stringify({ chat_template: source }));
  if (created === null) throw new Error('no template');
  return created;
}

function answers(turns: readonly ChatTurn[], chat: ChatTemplate): string[] {
  const { text, answers: spans } = renderConversation(turns, chat);
  return spans.map(({ start, end }) => text.slice(start, end));
}

function example(encoded: Example | string): Example {
  if (typeof encoded === 'string') throw new Error(encoded);
  return encoded;
}

/** The text that is learnt. */
function learnt(sample: Sample, chat: ChatTemplate, trainOn: 'assistant' | 'all' = 'assistant'): string {
  const tokenizer = createTokenizer(byteTokenizerSource());
  const { ids, trained } = example(new ExampleEncoder(tokenizer, chat).encode(sample, trainOn));
  return tokenizer.decode([...ids].filter((_, i) => trained[i] === 1));
}

describe('answer-spans', () => {
  it('finds the answers with the marks that end them', () => {
    expect(answers(TALK, template(CHATML))).toEqual(['hello é<|im_end|>', 'assistant<|im_end|>']);
  });

  it('is not shifted by a generation prompt that the conversation does not begin with', () => {
    const thinking = CHATML.replace('assistant\n{% endif %}', 'assistant\n<think>\n{% endif %}');
    expect(thinking).not.toBe(CHATML);
    expect(answers(TALK, template(thinking))).toEqual(['hello é<|im_end|>', 'assistant<|im_end|>']);
    const other = CHATML.replace('<|im_start|>assistant\n{% endif %}', '### Reply:{% endif %}');
    expect(answers(TALK, template(other))).toEqual(['hello é<|im_end|>', 'assistant<|im_end|>']);
  });

  it('follows a template that trims what is said', () => {
    const trimming = CHATML.replace("{{ message['content'] }}", "{{ message['content'] | trim }}");
    const turns = TALK.map((turn) => ({ ...turn, content: `  ${turn.content}\n` }));
    expect(answers(turns, template(trimming))).toEqual(['hello é<|im_end|>', 'assistant<|im_end|>']);
  });

  it('takes the line end as the mark where a template has no other', () => {
    const bare =
      "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
    expect(answers(TALK, template(bare))).toEqual(['hello é\n', 'assistant\n']);
  });

  it('puts the system prompt into the first message where the template has no such role', () => {
    const strict = `{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}${CHATML}`;
    const { text } = renderConversation([{ role: 'system', content: 'Be brief' }, ...TALK], template(strict));
    expect(text.startsWith('<|im_start|>user\nBe brief\n\nassistant<|im_end|>')).toBe(true);
  });

  it('works with the plain template, the space before an answer being learnt', () => {
    const plain = createPlainTemplate({ eosTokenId: 1, decode: () => '<end>' });
    expect(answers(TALK, plain)).toEqual([' hello é<end>', ' assistant<end>']);
  });
});

describe('token-mask', () => {
  it('learns the tokens of the answers only, characters of several tokens included', () => {
    const sample: Sample = { kind: 'turns', turns: TALK };
    expect(learnt(sample, template(CHATML))).toBe('hello é<|im_end|>assistant<|im_end|>');
  });

  it('learns everything but the first token on demand', () => {
    const sample: Sample = { kind: 'turns', turns: TALK.slice(0, 2) };
    const all = learnt(sample, template(CHATML), 'all');
    expect(all).toBe('user\nassistant<|im_end|>\n<|im_start|>assistant\nhello é<|im_end|>\n');
  });

  it('finds the tokens where the tokenizer changes the text', () => {
    const tokenizer = createTokenizer(sentencePieceSource());
    // The pieces join to the text without its first space, so offsets alone would be one off.
    const text = ' ab c ab';
    const ids = tokenizer.encode(text);
    expect(tokenizer.pieces(ids).join('')).not.toBe('ab c ab');
    const changed = { encode: (part: string) => tokenizer.encode(part), pieces: () => ['?'] };
    const mask = maskTokens(text, ids, [{ start: 5, end: 8 }], changed);
    expect(tokenizer.decode(ids.filter((_, i) => mask[i] === 1))).toBe('ab');
  });
});

describe('example-encoder', () => {
  it('learns a text whole, with what comes before and after it', () => {
    const tokenizer = createTokenizer(sentencePieceSource());
    const encoder = new ExampleEncoder(tokenizer, createPlainTemplate(tokenizer));
    const { ids, trained } = example(encoder.encode({ kind: 'text', text: 'ab' }, 'assistant'));
    expect([...ids]).toEqual([1, tokenizer.tokenToId('▁ab'), 2]);
    expect([...trained]).toEqual([0, 1, 1]);
  });

  it('names why a conversation takes no part', () => {
    const tokenizer = createTokenizer(byteTokenizerSource());
    const refusing = new ExampleEncoder(tokenizer, template("{{ raise_exception('never') }}"));
    expect(refusing.encode({ kind: 'turns', turns: TALK }, 'assistant')).toBe('template-refused');
    const encoder = new ExampleEncoder(tokenizer, template(CHATML));
    expect(encoder.encode({ kind: 'turns', turns: TALK.slice(0, 1) }, 'assistant')).toBe('no-answer');
    expect(encoder.prompt({ kind: 'turns', turns: TALK })).toBe(
      '<|im_start|>user\nassistant<|im_end|>\n<|im_start|>assistant\n',
    );
  });
});

describe('windows', () => {
  const ids = Int32Array.from({ length: 8 }, (_, i) => i);

  it('cuts a text into windows that learn every token once', () => {
    const trained = Uint8Array.from([0, 1, 1, 1, 1, 1, 1, 1]);
    expect(cutExample({ kind: 'text', ids, trained }, 3)).toEqual({
      windows: [
        { start: 0, length: 3, targets: 3 },
        { start: 3, length: 3, targets: 3 },
        { start: 6, length: 1, targets: 1 },
      ],
      truncated: false,
    });
  });

  it('cuts a conversation at its end, or drops it where no answer is left', () => {
    const trained = Uint8Array.from([0, 0, 0, 0, 1, 1, 0, 0]);
    const cut = cutExample({ kind: 'turns', ids, trained }, 4);
    expect(cut).toEqual({ windows: [{ start: 0, length: 4, targets: 1 }], truncated: true });
    expect(cutExample({ kind: 'turns', ids, trained }, 3)).toBe('answer-beyond-length');
  });

  it('cut: a conversation may lose its beginning, or a drawn piece is kept, always the same of one sample', () => {
    const ids = Int32Array.from({ length: 9 }, (_, i) => i);
    const trained = new Uint8Array(9).fill(1);
    const kept = (keptPart: KeptPart, sample = 0) => {
      const cut = cutExample({ kind: 'turns', ids, trained }, 3, (surplus) =>
        cutStart(keptPart, surplus, sample),
      );
      return typeof cut === 'string' ? cut : cut.windows.map(({ start, length }) => [start, length]);
    };
    expect(kept('beginning')).toEqual([[0, 3]]);
    expect(kept('end')).toEqual([[5, 3]]);
    const drawn = Array.from({ length: 40 }, (_, sample) => kept('random', sample));
    expect(new Set(drawn.map(String)).size).toBe(6);
    expect(drawn).toEqual(Array.from({ length: 40 }, (_, sample) => kept('random', sample)));
    expect(cutStart('end', -2, 0)).toBe(0);
  });
});

describe('length-histogram', () => {
  it('counts every sample in bins of a round width', () => {
    const histogram = lengthHistogram([1, 2, 2, 41, 43]);
    // 43 / 20 needs a width of at least 2.15, so 5: bins up to 5, 10, ..., 40, 43.
    expect(histogram.bounds).toEqual([5, 10, 15, 20, 25, 30, 35, 40, 43]);
    expect(histogram.counts).toEqual([3, 0, 0, 0, 0, 0, 0, 0, 2]);
    expect(histogram).toMatchObject({ maxTokens: 43, totalTokens: 89, meanTokens: 17.8 });
  });
});
