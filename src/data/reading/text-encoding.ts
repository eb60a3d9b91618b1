// Tells from a file's first bytes whether it is text and in which encoding. Decoding itself is text-reader's.
import { AppError } from '../../lib/errors';

export interface TextEncoding {
  label: 'utf-8' | 'utf-16le' | 'utf-16be';
  /** Length of the byte order mark. */
  skipBytes: number;
}

/** What a binary file calls itself, by its first bytes. */
const SIGNATURES: [name: string, bytes: number[]][] = [
  ['a PDF document', [0x25, 0x50, 0x44, 0x46]],
  ['a zip archive or an office document', [0x50, 0x4b, 0x03, 0x04]],
  ['a gzip archive', [0x1f, 0x8b]],
  ['a PNG image', [0x89, 0x50, 0x4e, 0x47]],
  ['a JPEG image', [0xff, 0xd8, 0xff]],
  ['a Parquet table', [0x50, 0x41, 0x52, 0x31]],
  ['an SQLite database', [0x53, 0x51, 0x4c, 0x69, 0x74, 0x65, 0x20, 0x66]],
];
const PROBE_BYTES = 4096;

/** @throws AppError `dataset.binary` where the bytes are no text, naming what they look like. */
export function sniffEncoding(head: Uint8Array, fileName: string): TextEncoding {
  if (startsWith(head, [0xef, 0xbb, 0xbf])) return { label: 'utf-8', skipBytes: 3 };
  if (startsWith(head, [0xff, 0xfe])) return { label: 'utf-16le', skipBytes: 2 };
  if (startsWith(head, [0xfe, 0xff])) return { label: 'utf-16be', skipBytes: 2 };
  const known = SIGNATURES.find(([, bytes]) => startsWith(head, bytes));
  if (known !== undefined) throw binaryError(fileName, `looks like ${known[0]}`);
  return guess(head.subarray(0, PROBE_BYTES), fileName);
}

/** Text of most languages in UTF-16 without a mark has zeros on one side of its pairs only. */
function guess(probe: Uint8Array, fileName: string): TextEncoding {
  const zeros = [0, 0];
  for (let i = 0; i < probe.length; i++) if (probe[i] === 0) zeros[i % 2] = (zeros[i % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  if (even === 0 && odd === 0) return { label: 'utf-8', skipBytes: 0 };
  const pairs = probe.length / 2;
  if (even === 0 && odd > pairs * 0.3) return { label: 'utf-16le', skipBytes: 0 };
  if (odd === 0 && even > pairs * 0.3) return { label: 'utf-16be', skipBytes: 0 };
  throw binaryError(fileName, `has a zero byte at ${probe.indexOf(0)}`);
}

export function binaryError(fileName: string, fact: string): AppError {
  return new AppError('dataset.binary', `${fileName} is not a text file: it ${fact}.`, {
    remedy: 'Export it as .txt, .jsonl, .json or .csv and add that file.',
    details: { fileName },
  });
}

function startsWith(bytes: Uint8Array, start: number[]): boolean {
  return start.every((byte, i) => bytes[i] === byte);
}
