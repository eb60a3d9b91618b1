import { describe, expect, it } from 'vitest';
import { coverageProblems, expandRange, parseRows } from './coverage';

describe('coverage table', () => {
  it('expands ranges of numbers and letters', () => {
    expect(expandRange('S0.9-S0.11')).toEqual(['S0.9', 'S0.10', 'S0.11']);
    expect(expandRange('1.B-1.D')).toEqual(['1.B', '1.C', '1.D']);
    expect(expandRange('S4.30-S4.30')).toEqual(['S4.30']);
  });

  it('names what is missing, doubled, unknown, or built without its files', () => {
    const rows = parseRows(
      [
        '| id | what | state | files or reason | tests |',
        '| S0.1 | one | built | `src/a.ts` | `src/gone.test.ts` |',
        '| S0.2 | two | planned | | |',
        '| S0.2 | two | built | `src/a.ts` | |',
        '| S9.9 | none | not applicable | no such thing | |',
        '| S0.3 | three | done | `src/a.ts` | `src/a.ts` |',
      ].join('\n'),
    );
    const problems = coverageProblems(rows, (path) => path === 'src/a.ts');
    expect(problems).toContain('S0.1: src/gone.test.ts does not exist');
    expect(problems).toContain('S0.2: 2 rows');
    expect(problems).toContain('S0.2: planned without a reason');
    expect(problems).toContain('S0.2: built, but names no tests');
    expect(problems).toContain('S0.3: state "done" is not one of built, planned, not applicable');
    expect(problems).toContain('S9.9: not an id of the specification');
    expect(problems).toContain('S4.51: no row');
    expect(problems).not.toContain('S0.1: no row');
  });
});
