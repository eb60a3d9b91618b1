import { describe, expect, it } from 'vitest';
import declaration from './errors.ts?raw';

const sources = import.meta.glob<string>(
  ['../**/*.ts', '!../**/*.test.ts', '!./errors.ts', '!../app/i18n/**'],
  {
    query: '?raw',
    import: 'default',
    eager: true,
  },
);

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, code = '']) => code);
}

const declared = new Set(matches(declaration, /\| '([a-z.-]+)'/g));

describe('error codes', () => {
  it('error codes: every one that is thrown or announced is declared', () => {
    const thrown = Object.entries(sources).flatMap(([path, text]) =>
      [
        ...matches(text, /new AppError(?:<[^>]*>)?\(\s*'([^']+)'/g),
        ...matches(text, /\bcode: '([^']+)'/g),
      ].map((code) => `${code} in ${path}`),
    );
    expect(thrown.length).toBeGreaterThan(80);
    expect(thrown.filter((entry) => !declared.has(entry.split(' ')[0] ?? ''))).toEqual([]);
  });

  it('error codes: none is declared that nothing uses', () => {
    const all = Object.values(sources).join('\n');
    expect([...declared].filter((code) => !all.includes(`'${code}'`))).toEqual([]);
  });
});
