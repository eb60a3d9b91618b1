// A weights file of random numbers as a stream, header and all, one piece in memory at a time: safetensors as others write
// them, and GGUF as llama.cpp's Q4_K_M with a vocabulary.
import { GgufBytes } from '../../src/lib/formats/gguf/gguf-bytes';
import {
  aligned,
  DEFAULT_ALIGNMENT,
  GGUF_LAYOUTS,
  GGUF_MAGIC,
  type GgufType,
  type GgufValue,
} from '../../src/lib/formats/gguf/gguf-types';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { weightShapes } from '../../src/models/decoder/decoder-names';
import { ggufMetadataOf } from '../../src/models/decoder/gguf/gguf-config';
import { LLAMA_FORM } from '../../src/models/decoder/gguf/gguf-form';
import { GGUF_EMBEDDING, ggufPlaces } from '../../src/models/decoder/gguf/gguf-names';
import type { LoadForm } from '../cases';

type Bytes = Uint8Array<ArrayBuffer>;

const PIECE_BYTES = 1 << 20;

/** Numbers of about 1e-2 in the upper halves of 32-bit floats: exponents of 118, signs and fractions at random. */
function* floats(bytes: number, halves: boolean): Generator<Bytes> {
  let state = 0x9e3779b9;
  for (let left = bytes; left > 0; left -= PIECE_BYTES) {
    const words = new Uint32Array(Math.min(left, PIECE_BYTES) / 4);
    for (let i = 0; i < words.length; i += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      words[i] = halves ? (state & 0x807f807f) | 0x3b003b00 : (state & 0x807fffff) | 0x3b000000;
    }
    yield new Uint8Array(words.buffer);
  }
}

type BlockType = Exclude<GgufType, 'F32' | 'F16' | 'BF16'>;

/** Blocks of levels at random with a small scale, and where the type has one a small minimum, in front. */
function* blocks(type: BlockType, bytes: number): Generator<Bytes> {
  const { blockBytes } = GGUF_LAYOUTS[type];
  const most = Math.floor(PIECE_BYTES / blockBytes / 2) * blockBytes * 2;
  // Halves: 2^-14 and 2^-13.
  const scales = type === 'Q4_K' ? [0x00, 0x04, 0x00, 0x08] : [0x00, 0x04];
  let state = 0x9e3779b9;
  for (let left = bytes; left > 0; left -= most) {
    const piece = new Uint8Array(Math.min(left, most));
    const words = new Uint32Array(piece.buffer, 0, piece.length >> 2);
    for (let i = 0; i < words.length; i += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      words[i] = state;
    }
    for (let at = 0; at < piece.length; at += blockBytes) piece.set(scales, at);
    yield piece;
  }
}

/**
 * What llama.cpp's Q4_K_M gives each: rows of whole super-blocks are Q4_K, others Q5_0, the head that the embedding also is
 * Q8_0. Rows of 576 are no whole super-blocks.
 */
function typeOf(name: string, shape: readonly number[]): 'F32' | 'Q4_K' | 'Q5_0' | 'Q8_0' {
  if (shape.length === 1) return 'F32';
  if (name === GGUF_EMBEDDING) return 'Q8_0';
  return (shape.at(-1) ?? 0) % 256 === 0 ? 'Q4_K' : 'Q5_0';
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

function* safetensors(config: DecoderConfig, dtype: 'F32' | 'BF16'): Generator<Bytes> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, shape] of weightShapes(config)) {
    const begin = end;
    end += sizeOf(shape) * (dtype === 'F32' ? 4 : 2);
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(text + ' '.repeat((8 - (text.length % 8)) % 8));
  yield new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer);
  yield json;
  yield* floats(end, dtype === 'BF16');
}

/** As many tokens and merges as the model has: they are a good part of what is read of a small model. */
function vocabulary(size: number): [string, GgufValue][] {
  const tokens = Array.from({ length: size }, (_, id) => `token${id}`);
  const merges = tokens.slice(2).map((_, id) => `token${id} token${id + 1}`);
  return [
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', values: tokens }],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'int32', values: tokens.map(() => 1) }],
    ['tokenizer.ggml.merges', { type: 'array', of: 'string', values: merges }],
  ];
}

function* gguf(config: DecoderConfig): Generator<Bytes> {
  const tensors = [...ggufPlaces(LLAMA_FORM, config).shapes()].map(([name, shape]) => {
    const type = typeOf(name, shape);
    const { blockSize, blockBytes } = GGUF_LAYOUTS[type];
    return { name, shape, type, bytes: (sizeOf(shape) / blockSize) * blockBytes };
  });
  const metadata = [
    ...ggufMetadataOf(config, { name: 'random', fileType: 'Q4_0' }, LLAMA_FORM),
    ...vocabulary(config.vocabSize),
  ];
  const header = new GgufBytes();
  header.uint32(GGUF_MAGIC);
  header.uint32(3);
  header.uint64(tensors.length);
  header.uint64(metadata.length);
  for (const [key, value] of metadata) {
    header.string(key);
    header.value(value);
  }
  let offset = 0;
  for (const { name, shape, type, bytes } of tensors) {
    header.string(name);
    header.uint32(shape.length);
    for (const size of [...shape].reverse()) header.uint64(size);
    header.uint32(GGUF_LAYOUTS[type].id);
    header.uint64(offset);
    offset += aligned(bytes, DEFAULT_ALIGNMENT);
  }
  header.zeros(aligned(header.length, DEFAULT_ALIGNMENT) - header.length);
  yield header.bytes();
  for (const { type, bytes } of tensors) {
    yield* type === 'F32' ? floats(bytes, false) : blocks(type, bytes);
    yield new Uint8Array(aligned(bytes, DEFAULT_ALIGNMENT) - bytes);
  }
}

export function randomModelFile(form: LoadForm, config: DecoderConfig): ReadableStream<Bytes> {
  const pieces =
    form === 'gguf Q4_K' ? gguf(config) : safetensors(config, form === 'safetensors F32' ? 'F32' : 'BF16');
  return new ReadableStream({
    pull(controller) {
      const piece = pieces.next();
      if (piece.done === true) controller.close();
      else controller.enqueue(piece.value);
    },
  });
}
