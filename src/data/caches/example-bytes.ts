// Tokenised samples as bytes, and back. Ids take two bytes where all are below 65,536, the mask takes a bit a token. A
// checksum stands in front: what cannot be trusted is told from what can, and made again.
//
//   Uint32  mark, checksum of all that follows, bytes of an id, samples
//   Uint32  two for each sample: what it is, tokens
//   ids of all samples; bits of all samples, the first token lowest
import type { DropReason, Example } from '../examples/example-encoder';
import { checksum } from './checksum';

export type Encoded = Example | DropReason;

/** Says the layout: another one gets another mark. */
const MARK = 0x3174_6b46;
const HEADER = 4;
/** Words before what the checksum is of. */
const CHECKED_FROM = 2;
const KINDS = [
  'text',
  'turns',
  'template-refused',
  'no-answer',
  'answer-beyond-length',
  'too-short',
  'unreadable',
  'not-encoded',
] as const satisfies readonly (Example['kind'] | DropReason)[];

export function examplesToBytes(examples: readonly Encoded[]): Uint8Array<ArrayBuffer> {
  const kept = examples.filter((example): example is Example => typeof example !== 'string');
  const tokens = kept.reduce((sum, { ids }) => sum + ids.length, 0);
  const width = kept.every(({ ids }) => ids.every((id) => id >= 0 && id <= 0xffff)) ? 2 : 4;
  const idsAt = (HEADER + 2 * examples.length) * 4;
  const bytes = new Uint8Array(padded(idsAt + tokens * width + Math.ceil(tokens / 8)));
  const header = examples.flatMap((example) =>
    typeof example === 'string'
      ? [KINDS.indexOf(example), 0]
      : [KINDS.indexOf(example.kind), example.ids.length],
  );
  const words = new Uint32Array(bytes.buffer);
  words.set([MARK, 0, width, examples.length, ...header]);
  const ids = idsOf(bytes, idsAt, tokens, width);
  const bits = bytes.subarray(idsAt + tokens * width);
  let at = 0;
  for (const example of kept) {
    ids.set(example.ids, at);
    example.trained.forEach(
      (flag, i) => (bits[(at + i) >> 3] = bit(bits, at + i) | (flag << ((at + i) & 7))),
    );
    at += example.ids.length;
  }
  words[1] = checksum(words.subarray(CHECKED_FROM));
  return bytes;
}

/** @param count samples that have to be in it. @returns null where the bytes are not whole. */
export function examplesFromBytes(bytes: Uint8Array<ArrayBuffer>, count: number): Encoded[] | null {
  if (bytes.byteOffset % 4 !== 0 || bytes.length % 4 !== 0 || bytes.length < HEADER * 4) return null;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const [mark, sum, width = 0, samples] = words;
  if (mark !== MARK || samples !== count || sum !== checksum(words.subarray(CHECKED_FROM))) return null;
  const header = words.subarray(HEADER, HEADER + 2 * count);
  const idsAt = (HEADER + 2 * count) * 4;
  let tokens = 0;
  for (let i = 1; i < header.length; i += 2) tokens += header[i] ?? 0;
  const ids = idsOf(bytes, idsAt, tokens, width);
  const bits = bytes.subarray(idsAt + tokens * width);
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    const kind = KINDS[header[2 * i] ?? 0] ?? 'too-short';
    if (kind !== 'text' && kind !== 'turns') return kind;
    const [start, end] = [at, at + (header[2 * i + 1] ?? 0)];
    at = end;
    return { kind, ids: Int32Array.from(ids.subarray(start, end)), trained: maskOf(bits, start, end) };
  });
}

function maskOf(bits: Uint8Array, start: number, end: number): Uint8Array {
  const mask = new Uint8Array(end - start);
  for (let i = start; i < end; i++) mask[i - start] = (bit(bits, i) >> (i & 7)) & 1;
  return mask;
}

function bit(bits: Uint8Array, token: number): number {
  return bits[token >> 3] ?? 0;
}

function idsOf(
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
  tokens: number,
  width: number,
): Uint16Array | Uint32Array {
  const start = bytes.byteOffset + offset;
  return width === 2
    ? new Uint16Array(bytes.buffer, start, tokens)
    : new Uint32Array(bytes.buffer, start, tokens);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
