// Documents as plain text with a blank line between paragraphs: web pages by html-to-text, Word files by mammoth, PDF by pdf.js.
// Pictures, scripts and menus are left out. A document is in memory whole; the libraries are fetched when the first one comes.
import { AppError, messageOf } from '../../lib/errors';
import { readText, throwIfCancelled, type ByteSource, type TextReadOptions } from './text-reader';

export type DocumentType = 'html' | 'docx' | 'pdf';

const NAMES: Record<DocumentType, string> = {
  html: 'a web page',
  docx: 'a Word document',
  pdf: 'a PDF document',
};
const MAX_BYTES = 256 << 20;
/** Lines further apart than this many times their height begin a paragraph. */
const PARAGRAPH_GAP = 1.6;

/**
 * @throws AppError `import.invalid` where the file is damaged, locked by a password or too large; `dataset.empty` where a PDF
 *   has pages but no text; `dataset.encoding` as `readText`.
 */
export async function* readDocumentText(
  type: DocumentType,
  source: ByteSource,
  fileName: string,
  options: TextReadOptions = {},
): AsyncGenerator<string> {
  if (source.size > MAX_BYTES) throw tooLarge(fileName, source.size);
  if (type === 'html') {
    yield await textOfHtml(await wholeText(readText(source, fileName, options)));
    return;
  }
  const bytes = await source.slice(0, source.size).arrayBuffer();
  options.onBytes?.(source.size);
  try {
    if (type === 'docx') yield await textOfDocx(bytes);
    else yield* textOfPdf(new Uint8Array(bytes), fileName, options.signal);
  } catch (cause) {
    throw cause instanceof AppError ? cause : damaged(type, fileName, cause);
  }
}

async function wholeText(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

async function textOfHtml(html: string): Promise<string> {
  const { convert } = await import('html-to-text');
  const leftOut = ['img', 'nav', 'script', 'style', 'noscript', 'svg', 'form'];
  return convert(html, {
    wordwrap: false,
    selectors: [
      ...leftOut.map((selector) => ({ selector, format: 'skip' })),
      { selector: 'a', options: { ignoreHref: true } },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({
        selector,
        options: { uppercase: false },
      })),
      { selector: 'table', format: 'dataTable', options: { uppercaseHeaderCells: false } },
    ],
  });
}

async function textOfDocx(arrayBuffer: ArrayBuffer): Promise<string> {
  const { default: mammoth } = await import('mammoth');
  const { value } = await mammoth.convertToHtml({ arrayBuffer });
  return textOfHtml(value);
}

async function* textOfPdf(
  bytes: Uint8Array,
  fileName: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const { extractTextItems } = await import('unpdf');
  const { items, totalPages } = await extractTextItems(bytes);
  let length = 0;
  for (const page of items) {
    throwIfCancelled(signal);
    const text = paragraphsOf(page);
    length += text.length;
    yield `${text}\n\n`;
  }
  if (length > 0) return;
  throw new AppError('dataset.empty', `${fileName} has ${totalPages} pages and no text.`, {
    remedy: 'Its pages may be pictures: run text recognition over it first.',
    details: { fileName, pages: totalPages },
  });
}

interface TextItem {
  str: string;
  y: number;
  height: number;
  hasEOL: boolean;
}

/** Lines joined to paragraphs by how far apart they are. Pure. */
export function paragraphsOf(items: readonly TextItem[]): string {
  const lines: { text: string; y: number; height: number }[] = [];
  let line = '';
  for (const [index, { str, y, height, hasEOL }] of items.entries()) {
    line += str;
    if (!hasEOL && index < items.length - 1) continue;
    if (line.trim() !== '') lines.push({ text: line.trim(), y, height });
    line = '';
  }
  return lines
    .map(({ text, y, height }, index) => {
      const before = lines[index - 1];
      if (before === undefined) return text;
      const isFar = Math.abs(before.y - y) > PARAGRAPH_GAP * Math.max(before.height, height, 1);
      return `${isFar ? '\n\n' : ' '}${text}`;
    })
    .join('');
}

function tooLarge(fileName: string, size: number): AppError {
  return new AppError(
    'import.invalid',
    `${fileName} has ${size} bytes; documents are read up to ${MAX_BYTES}.`,
    {
      remedy: 'Split it, or convert it to plain text.',
      details: { fileName, size },
    },
  );
}

function damaged(type: DocumentType, fileName: string, cause: unknown): AppError {
  const isLocked = cause instanceof Error && cause.name === 'PasswordException';
  const fact = isLocked ? 'it is locked by a password' : messageOf(cause);
  return new AppError('import.invalid', `${fileName} cannot be read as ${NAMES[type]}: ${fact}.`, {
    remedy: isLocked ? 'Save it without the password.' : 'Open it in another program and save it again.',
    details: { fileName },
    cause,
  });
}
