// Checks docs/coverage.md: every system id stands there once, and what is called built names files and tests that exist.
// `npm run coverage` prints the counts; with --check it fails on any problem.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Ids of the specification, as inclusive ranges: `S0.10-S0.15` is six ids. */
const ID_RANGES = [
  'S0.1-S0.7 S0.10-S0.15 S0.20-S0.23 S0.30-S0.37 S0.40-S0.46 S0.50-S0.65 S0.70-S0.81',
  'S1.1-S1.47 1.B-1.H',
  'S2.1-S2.4 S2.10-S2.15 S2.20-S2.26 S2.30-S2.34',
  'S3.1-S3.7 S3.10-S3.13 S3.20-S3.24 S3.40-S3.44 S3.50-S3.66',
  'S4.1-S4.2 S4.10-S4.10 S4.20-S4.24 S4.30-S4.30 S4.40-S4.40 S4.50-S4.51',
]
  .join(' ')
  .split(' ');

const STATES = ['built', 'planned', 'not applicable'] as const;
type State = (typeof STATES)[number];

export interface CoverageRow {
  id: string;
  what: string;
  state: State;
  /** built: files. Otherwise the reason. */
  files: string;
  tests: string;
}

export function expandRange(range: string): string[] {
  const [first = '', last = first] = range.split('-');
  const [prefix = '', start = ''] = first.split('.');
  const end = last.split('.')[1] ?? start;
  if (/^\d+$/.test(start)) {
    const count = Number(end) - Number(start) + 1;
    return Array.from({ length: count }, (_, offset) => `${prefix}.${Number(start) + offset}`);
  }
  const count = end.charCodeAt(0) - start.charCodeAt(0) + 1;
  return Array.from(
    { length: count },
    (_, offset) => `${prefix}.${String.fromCharCode(start.charCodeAt(0) + offset)}`,
  );
}

export function parseRows(markdown: string): CoverageRow[] {
  return markdown
    .split('\n')
    .filter((line) => /^\| (S\d\.\d+|\d\.[A-H]) /.test(line))
    .map((line) => {
      const cells = line.split('|').map((cell) => cell.trim());
      const [, id = '', what = '', state = '', files = '', tests = ''] = cells;
      return { id, what, state: state as State, files, tests };
    });
}

const pathsIn = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');

function rowProblems(row: CoverageRow, exists: (path: string) => boolean): string[] {
  if (!STATES.includes(row.state))
    return [`${row.id}: state "${row.state}" is not one of ${STATES.join(', ')}`];
  if (row.state !== 'built') return row.files === '' ? [`${row.id}: ${row.state} without a reason`] : [];
  const problems = (['files', 'tests'] as const)
    .filter((column) => pathsIn(row[column]).length === 0)
    .map((column) => `${row.id}: built, but names no ${column}`);
  const missing = [...pathsIn(row.files), ...pathsIn(row.tests)].filter((path) => !exists(path));
  return [...problems, ...missing.map((path) => `${row.id}: ${path} does not exist`)];
}

/** Every way in which the table is wrong, one sentence each. */
export function coverageProblems(rows: CoverageRow[], exists: (path: string) => boolean): string[] {
  const wanted = ID_RANGES.flatMap(expandRange);
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(row.id, (counts.get(row.id) ?? 0) + 1);
  return [
    ...wanted.filter((id) => !counts.has(id)).map((id) => `${id}: no row`),
    ...[...counts].filter(([, count]) => count > 1).map(([id, count]) => `${id}: ${count} rows`),
    ...[...counts.keys()]
      .filter((id) => !wanted.includes(id))
      .map((id) => `${id}: not an id of the specification`),
    ...rows.flatMap((row) => rowProblems(row, exists)),
  ];
}

function main() {
  const rows = parseRows(readFileSync(`${root}docs/coverage.md`, 'utf8'));
  for (const state of STATES) {
    console.log(`${String(rows.filter((row) => row.state === state).length).padStart(4)} ${state}`);
  }
  const problems = coverageProblems(rows, (path) => existsSync(root + path));
  for (const problem of problems) console.error(problem);
  if (process.argv.includes('--check') && problems.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
