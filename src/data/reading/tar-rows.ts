// Tar shards as WebDataset writes them: members that lie together under one name are a sample, `key.txt` its text, `key.json` its
// fields, `key.cls` its class. Read member by member; names are compared and never become paths. Other members are passed over.
import { AppError, messageOf } from '../../lib/errors';
import { excerptOf, MAX_ROW_CHARS, parseRow, type RowEvent } from './row-event';
import { SLICE_BYTES, throwIfCancelled, type ByteSource, type TextReadOptions } from './text-reader';

const TEXT_MEMBERS = ['txt', 'json', 'cls'] as const;
type TextMember = (typeof TEXT_MEMBERS)[number];

interface Member {
  /** With its folders, up to the first dot of its name. */
  key: string;
  ending: string;
}

/** @throws AppError `import.invalid` where it is no tar archive, is damaged or cut off, `rpc.cancelled`. */
export async function* readTarRows(
  source: ByteSource,
  fileName: string,
  options: TextReadOptions = {},
): AsyncGenerator<RowEvent> {
  const { createTarDecoder } = await import('modern-tar');
  const members = bytesOf(source, options)
    .pipeThrough(createTarDecoder({ strict: true }))
    .getReader();
  let sample: TarSample | null = null;
  let count = 0;
  try {
    for (;;) {
      const { done, value: entry } = await members.read();
      if (done) break;
      const member = entry.header.type === 'file' ? memberOf(entry.header.name) : null;
      if (member !== null && member.key !== sample?.key) {
        if (sample !== null) yield sample.toRow();
        sample = new TarSample(member.key, (count += 1));
      }
      const wanted = TEXT_MEMBERS.find((ending) => ending === member?.ending);
      if (wanted === undefined || sample === null) await entry.body.cancel();
      else sample.add(wanted, await textOf(entry.body));
    }
  } catch (error) {
    throw damaged(fileName, error);
  } finally {
    await members.cancel().catch(() => undefined);
  }
  if (sample !== null) yield sample.toRow();
}

class TarSample {
  readonly key: string;
  readonly #number: number;
  readonly #fields = new Map<string, unknown>();
  #problem: string | null = null;

  constructor(key: string, number: number) {
    this.key = key;
    this.#number = number;
  }

  /** @param text null where it is too long to be one. */
  add(member: TextMember, text: string | null): void {
    if (text === null) this.#problem = `Its .${member} is longer than ${MAX_ROW_CHARS} characters.`;
    else if (member === 'txt') this.#fields.set('text', text);
    else if (member === 'cls') this.#fields.set('class', text.trim());
    else this.#addFields(text);
  }

  toRow(): RowEvent {
    const message = this.#problem ?? (this.#fields.size === 0 ? 'It has no .txt, .json or .cls.' : null);
    if (message === null) return { kind: 'row', row: Object.fromEntries(this.#fields), line: this.#number };
    return { kind: 'bad', line: this.#number, excerpt: excerptOf(this.key), message };
  }

  /** A text of its own goes before a field of that name. */
  #addFields(text: string): void {
    const parsed = parseRow(text, this.#number);
    if (parsed.kind === 'bad') this.#problem = `Its .json: ${parsed.message}`;
    else
      for (const [name, value] of Object.entries(parsed.row))
        if (!this.#fields.has(name)) this.#fields.set(name, value);
  }
}

/** null for what systems put beside files. */
function memberOf(path: string): Member | null {
  const slash = path.lastIndexOf('/') + 1;
  const dot = path.indexOf('.', slash);
  if (dot <= slash) return null;
  return { key: path.slice(0, dot), ending: path.slice(dot + 1).toLowerCase() };
}

/** The whole is passed through either way; no more of it is kept than a row may have. */
async function textOf(body: ReadableStream<Uint8Array>): Promise<string | null> {
  const utf8 = new TextDecoder();
  const reader = body.getReader();
  let text: string | null = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text === null ? null : text + utf8.decode();
    if (text !== null) text += utf8.decode(value, { stream: true });
    if (text !== null && text.length > MAX_ROW_CHARS) text = null;
  }
}

function bytesOf(source: ByteSource, { signal, onBytes, sliceBytes = SLICE_BYTES }: TextReadOptions) {
  let at = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        throwIfCancelled(signal);
        if (at >= source.size) return controller.close();
        const end = Math.min(at + sliceBytes, source.size);
        controller.enqueue(new Uint8Array(await source.slice(at, end).arrayBuffer()));
        at = end;
        onBytes?.(at);
      },
    },
    { highWaterMark: 0 },
  );
}

function damaged(fileName: string, cause: unknown): AppError {
  // What the source itself says (gone, refused, cancelled) is no damage.
  if (cause instanceof AppError) return cause as AppError;
  return new AppError('import.invalid', `${fileName} cannot be read as a tar archive: ${messageOf(cause)}`, {
    remedy: 'Download or write the file again; it may have been cut off.',
    details: { fileName },
    cause,
  });
}
