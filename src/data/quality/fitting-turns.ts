// How much of a conversation fits into so many tokens: whole exchanges from its beginning on, so that no answer is cut. Pure.
import type { Sample } from '../../protocol/datasets';
import type { ExampleEncoder } from '../examples/example-encoder';

/** Turns up to the last answer that fits; 0 where not even the first one does. Tokens of a beginning are never more than those of all. */
export function fittingTurns(
  sample: Extract<Sample, { kind: 'turns' }>,
  maxTokens: number,
  encoder: Pick<ExampleEncoder, 'encode'>,
): number {
  const ends = sample.turns.flatMap(({ role }, index) => (role === 'assistant' ? [index + 1] : []));
  const fits = (end: number): boolean => {
    const example = encoder.encode({ kind: 'turns', turns: sample.turns.slice(0, end) }, 'all');
    return typeof example !== 'string' && example.ids.length <= maxTokens;
  };
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(ends[middle - 1] ?? 0)) low = middle;
    else high = middle - 1;
  }
  return ends[low - 1] ?? 0;
}
