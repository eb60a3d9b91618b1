// A sample as the text that it is compared by. Pure.
import type { Sample } from '../../protocol/datasets';

/** All that is said, in order, with who says it: samples are equal where this is. */
export function contentOf(sample: Sample): string {
  if (sample.kind === 'text') return sample.text;
  return sample.turns.map(({ role, content }) => `${role}\u0000${content}`).join('\u0001');
}

/** What is said, one part after the other. */
export function wordsOf(sample: Sample): string {
  return sample.kind === 'text' ? sample.text : sample.turns.map(({ content }) => content).join('\n');
}

/** What similar samples share: letters and digits in lower case, compatible forms as one, one space between words. */
export function comparable(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}]+/gu, ' ')
    .trim();
}
