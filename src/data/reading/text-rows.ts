// Plain text as rows: blocks between blank lines; a block longer than the limit is cut at a line end or a space.
import { splitLines } from './lines';
import type { RowEvent } from './row-event';

/** Characters. Well above any paragraph; a file without blank lines falls into pieces of this size. */
export const MAX_BLOCK_CHARS = 8192;

export async function* readTextRows(
  pieces: AsyncIterable<string>,
  maxChars = MAX_BLOCK_CHARS,
): AsyncGenerator<RowEvent> {
  let block = '';
  let blockLine = 1;
  let joins = false;
  for await (const { text, number, continues } of splitLines(pieces, maxChars)) {
    if (!joins && text.trim() === '') {
      if (block.trim() !== '') yield textRow(block, blockLine);
      block = '';
    } else {
      if (block === '') blockLine = number;
      block += block === '' || joins ? text : `\n${text}`;
    }
    joins = continues;
    while (block.length > maxChars) {
      const cut = cutPoint(block, maxChars);
      yield textRow(block.slice(0, cut), blockLine);
      block = block.slice(cut).trimStart();
      blockLine = number;
    }
  }
  if (block.trim() !== '') yield textRow(block, blockLine);
}

function textRow(block: string, line: number): RowEvent {
  return { kind: 'row', row: { text: block.trimEnd() }, line };
}

/** After the last line end in the second half, else after the last space there, else at the limit. */
function cutPoint(block: string, maxChars: number): number {
  for (const separator of ['\n', '. ', ' ']) {
    const at = block.lastIndexOf(separator, maxChars - separator.length);
    if (at >= maxChars / 2) return at + separator.length;
  }
  const code = block.charCodeAt(maxChars - 1);
  return code >= 0xd800 && code <= 0xdbff ? maxChars - 1 : maxChars;
}
