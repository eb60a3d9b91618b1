// A byte-level BPE as small as can be, for tests: the 256 bytes, a few merges, end-of-text and ChatML marks.
import type { TokenizerSource } from '../hf-tokenizer';

const MERGES = ['h e', 'l l', 'he ll', 'hell o', 'Ġ w', 'Ġw o', 'Ġwo r'];
const SPECIALS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];

export const CHATML =
  "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}" +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}';

export function byteTokenizerSource(config: Record<string, unknown> = {}): TokenizerSource {
  const tokens = [...alphabet(), ...MERGES.map((merge) => merge.replace(' ', ''))];
  const tokenizer = {
    added_tokens: SPECIALS.map((content, i) => ({ id: tokens.length + i, content, special: true })),
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, i) => [token, i])), merges: MERGES },
  };
  return {
    tokenizerJson: JSON.stringify(tokenizer),
    tokenizerConfigJson: JSON.stringify({ eos_token: '<|endoftext|>', ...config }),
  };
}

/** SentencePiece-style: spaces are U+2581, one is put in front, unknown characters fall back to bytes. */
export function sentencePieceSource(): TokenizerSource {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, '▁', 'a', 'b', 'c', '▁a', '▁ab'];
  const tokenizer = {
    added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(tokens.map((token, i) => [token, i])),
      merges: ['▁ a', '▁a b'],
      byte_fallback: true,
      unk_token: '<unk>',
    },
  };
  const config = { bos_token: '<s>', eos_token: { content: '</s>' }, add_bos_token: true };
  return { tokenizerJson: JSON.stringify(tokenizer), tokenizerConfigJson: JSON.stringify(config) };
}

/** GPT-2's stand-ins for the 256 bytes, in the order of the bytes. */
function alphabet(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(printable ? byte : next++);
  });
}
