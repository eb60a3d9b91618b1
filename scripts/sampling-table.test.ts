// Holds docs/sampling.md against the tests: each rule has tests, each test that it names is there, and none is left out.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(`${root}/${path}`, 'utf8');
const RULES = 13;

const rows = read('docs/sampling.md')
  .split('\n')
  .flatMap((line) => {
    const [, rule = '', title = '', file = ''] = line.split('|').map((cell) => cell.trim());
    return title.startsWith('1.H.') ? [{ rule, title, file: file.replaceAll('`', '') }] : [];
  });

/** Titles of tests that begin with a rule's number: of `it`, or at the end of the cases of `it.each`. */
function titlesIn(path: string): string[] {
  return [...read(path).matchAll(/(?:\bit|\]\))\(\s*'(1\.H\.\d+ [^']*)'/g)].map((match) => match[1] ?? '');
}

describe('the table of sampling rules', () => {
  it('has a test for every rule', () => {
    const numbers = new Set(rows.map(({ title }) => Number(/^1\.H\.(\d+)/.exec(title)?.[1])));
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: RULES }, (_, i) => i + 1));
  });

  it('names tests that are there', () => {
    const missing = rows.filter(({ title, file }) => !titlesIn(file).includes(title));
    expect(missing).toEqual([]);
  });

  it('leaves no test of a rule out', () => {
    const named = new Set(rows.map(({ title }) => title));
    const files = readdirSync(`${root}/src`, { encoding: 'utf8', recursive: true })
      .filter((path) => path.endsWith('.test.ts'))
      .map((path) => `src/${path}`);
    expect(files.flatMap(titlesIn).filter((title) => !named.has(title))).toEqual([]);
  });
});
