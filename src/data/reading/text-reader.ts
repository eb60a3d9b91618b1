// A text file as pieces of decoded text, read slice by slice: however big the file, one slice is in memory.
import { AppError } from '../../lib/errors';
import { binaryError, sniffEncoding, type TextEncoding } from './text-encoding';

/** The part of a Blob that is used. */
export interface ByteSource {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

export interface TextReadOptions {
  sliceBytes?: number;
  signal?: AbortSignal | undefined;
  /** Called after each slice with the bytes read so far. */
  onBytes?: (done: number) => void;
}

export const SLICE_BYTES = 1 << 20;

/**
 * @throws AppError `dataset.binary`, `dataset.encoding` (with the line), `rpc.cancelled` once the signal fired.
 */
export async function* readText(
  source: ByteSource,
  fileName: string,
  options: TextReadOptions = {},
): AsyncGenerator<string> {
  const { sliceBytes = SLICE_BYTES, signal, onBytes } = options;
  let decoder: SliceDecoder | null = null;
  for (let start = 0; start < source.size; start += sliceBytes) {
    throwIfCancelled(signal);
    const end = Math.min(start + sliceBytes, source.size);
    const bytes = new Uint8Array(await source.slice(start, end).arrayBuffer());
    decoder ??= new SliceDecoder(fileName, sniffEncoding(bytes, fileName));
    const text = decoder.decode(bytes, start, end === source.size);
    onBytes?.(end);
    if (text !== '') yield text;
  }
}

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new AppError('rpc.cancelled', 'The import was cancelled; nothing was stored.');
}

class SliceDecoder {
  readonly #fileName: string;
  readonly #encoding: TextEncoding;
  readonly #decoder: TextDecoder;
  #lines = 1;

  constructor(fileName: string, encoding: TextEncoding) {
    this.#fileName = fileName;
    this.#encoding = encoding;
    this.#decoder = new TextDecoder(encoding.label, { fatal: true, ignoreBOM: true });
  }

  decode(bytes: Uint8Array, offset: number, last: boolean): string {
    const content = offset === 0 ? bytes.subarray(this.#encoding.skipBytes) : bytes;
    if (this.#encoding.label === 'utf-8') {
      const zero = content.indexOf(0);
      if (zero >= 0) throw binaryError(this.#fileName, `has a zero byte at ${offset + zero}`);
    }
    try {
      const text = this.#decoder.decode(content, { stream: !last });
      this.#lines += countNewlines(text);
      return text;
    } catch (cause) {
      throw this.#encodingError(content, cause);
    }
  }

  /** Reads the slice again, forgiving: the first replacement character tells the line. */
  #encodingError(content: Uint8Array, cause: unknown): AppError {
    const forgiving = new TextDecoder(this.#encoding.label).decode(content);
    const at = Math.max(0, forgiving.indexOf('\ufffd'));
    const line = this.#lines + countNewlines(forgiving.slice(0, at));
    const excerpt = forgiving.slice(Math.max(0, at - 30), at + 30).replace(/\s+/g, ' ');
    return new AppError(
      'dataset.encoding',
      `${this.#fileName} is not valid ${this.#encoding.label.toUpperCase()}: line ${line}, near "${excerpt}".`,
      {
        remedy: 'It may be Windows-1252 or Latin-1: save it as UTF-8 in your editor and add it again.',
        details: { fileName: this.#fileName, line, excerpt },
        cause,
      },
    );
  }
}

function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
