// Vectors as a file that other tools read: JSON Lines, each with the number of its row, the text that it is of and its values.
import type { EncodingSource } from './encoding-source';
import type { KeptVector } from './kept-vectors';

/** Values are told as 32-bit floats are: nine digits are exact. */
const DIGITS = 9;

/** Text of some lines at a time; rows without a vector are left out. */
export async function* vectorLines(
  blocks: AsyncIterable<readonly KeptVector[]>,
  source: EncodingSource,
): AsyncGenerator<string> {
  for await (const block of blocks) {
    const lines: string[] = [];
    for (const { sample, vector } of block) {
      if (vector === null) continue;
      const embedding = Array.from(vector, (value) => Number(value.toPrecision(DIGITS)));
      lines.push(`${JSON.stringify({ row: sample, text: await source.contentOf(sample), embedding })}\n`);
    }
    if (lines.length > 0) yield lines.join('');
  }
}
