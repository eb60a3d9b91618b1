import { describe, expect, it } from 'vitest';
import { createPlainTemplate } from '../../lib/text/plain-template';
import type { SampleTurn } from '../../protocol/datasets';
import { ExampleEncoder } from '../examples/example-encoder';
import { CHARACTERS } from '../testing/characters';
import { fittingTurns } from './fitting-turns';

const encoder = new ExampleEncoder(CHARACTERS, createPlainTemplate(CHARACTERS));
const exchange = (answer: string): SampleTurn[] => [
  { role: 'user', content: 'q' },
  { role: 'assistant', content: answer },
];

function tokensOf(turns: SampleTurn[]): number {
  const example = encoder.encode({ kind: 'turns', turns }, 'all');
  return typeof example === 'string' ? 0 : example.ids.length;
}

describe('fitting turns', () => {
  const turns = ['one', 'two', 'three', 'four'].flatMap(exchange);
  const sample = { kind: 'turns' as const, turns };

  it('ends at the last answer that fits, for every limit', () => {
    for (let limit = 2; limit <= tokensOf(turns) + 1; limit += 1) {
      const fitting = [2, 4, 6, 8].filter((end) => tokensOf(turns.slice(0, end)) <= limit);
      expect(fittingTurns(sample, limit, encoder)).toBe(fitting.at(-1) ?? 0);
    }
  });

  it('a question after the last answer is not kept', () => {
    const open = {
      kind: 'turns' as const,
      turns: [...exchange('one'), { role: 'user' as const, content: 'and?' }],
    };
    expect(fittingTurns(open, 1000, encoder)).toBe(2);
  });
});
