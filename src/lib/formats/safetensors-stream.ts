// Writes a safetensors file as a stream: the header follows from names and shapes, then arrays are asked for one after the
// other and rounded part by part. Reading, and files small enough for memory, are safetensors'.
import { floatsToBfloats } from './float16';
import { encodeBlocks } from './gguf/gguf-encode';
import type { SafetensorsType } from './safetensors';
import type { StreamedFile } from './streamed-file';

export interface StreamedArray {
  name: string;
  /** Outermost first. */
  shape: readonly number[];
  /** Values in their order; called once for every time the file is streamed. */
  parts: () => AsyncIterable<Float32Array<ArrayBuffer>>;
}

const LENGTH_BYTES = 8;
const ELEMENT_BYTES: Record<SafetensorsType, number> = { F32: 4, F16: 2, BF16: 2 };

/**
 * @param metadata beside `format: pt`, which transformers asks for.
 * The stream throws RangeError where an array gives another number of values than its shape says, AppError
 * `model.unsupported` for a value that a half cannot store.
 */
export function streamSafetensors(
  name: string,
  arrays: readonly StreamedArray[],
  type: SafetensorsType,
  metadata: Record<string, string> = {},
): StreamedFile {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let position = 0;
  for (const array of arrays) {
    const end = position + elements(array) * ELEMENT_BYTES[type];
    header[array.name] = { dtype: type, shape: array.shape, data_offsets: [position, end] };
    position = end;
  }
  const head = headOf(header);
  async function* stream(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    yield head;
    for (const array of arrays) yield* bytesOf(array, type);
  }
  return { name, byteLength: head.byteLength + position, stream };
}

const elements = ({ shape }: StreamedArray): number => shape.reduce((size, n) => size * n, 1);

/** Length and JSON, padded so that data begins at a multiple of eight. */
function headOf(header: Record<string, unknown>): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(LENGTH_BYTES + length).fill(0x20, LENGTH_BYTES);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, LENGTH_BYTES);
  return head;
}

async function* bytesOf(
  array: StreamedArray,
  type: SafetensorsType,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  let written = 0;
  for await (const part of array.parts()) {
    written += part.length;
    yield type === 'BF16'
      ? new Uint8Array(floatsToBfloats(part).buffer)
      : encodeBlocks(type, part, array.name);
  }
  if (written === elements(array)) return;
  throw new RangeError(`${array.name} has ${written} values; its shape needs ${elements(array)}.`);
}
