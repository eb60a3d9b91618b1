// What every suite returns, printed as a table and, last, as one JSON line.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DeviceReport } from '../src/protocol/engine';

export type Cell = string | number | null;

export interface SuiteResult {
  suite: string;
  /** Which GPU adapter, or `none (wasm)`: speed means nothing without it. */
  adapter: string;
  rows: Record<string, Cell>[];
  /** Ours over theirs; above 1 is better. */
  ratios: Record<string, number>;
  /** Figures that are no ratios, beside the others in the JSON line: `cpuMsPerToken`. */
  figures?: Record<string, number | Record<string, number>>;
}

const PACKAGES = [
  '@jax-js/jax',
  'onnxruntime-web',
  '@wllama/wllama',
  '@huggingface/transformers',
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-backend-wasm',
  '@tensorflow/tfjs-backend-webgpu',
  'vite',
  'svelte',
];

function packageVersion(name: string): string {
  const path = fileURLToPath(new URL(`../node_modules/${name}/package.json`, import.meta.url));
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** The adapter's name, and what the engine computes on. */
export function adapterLabel({ adapter, backend }: Pick<DeviceReport, 'adapter' | 'backend'>): string {
  const name = adapter === null ? 'none' : `${adapter.vendor} ${adapter.architecture}`.trim();
  return `${name}${adapter?.software === true ? ' (software)' : ''}, runs on ${backend}`;
}

const format = (cell: Cell | undefined) => {
  if (typeof cell !== 'number') return cell ?? '';
  return Number.isInteger(cell) ? String(cell) : cell.toPrecision(4);
};

export function table(rows: Record<string, Cell>[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [columns, ...rows.map((row) => columns.map((column) => format(row[column])))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => (line[index] ?? '').length)));
  return lines
    .map((line) => line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  '))
    .join('\n');
}

/** @param quick smaller sizes: the table says so, the JSON line is the same. */
export function print(result: SuiteResult, browserVersion: string, quick: boolean) {
  if (quick) console.log('Quick: smaller sizes, rough figures.');
  console.log(table(result.rows));
  const versions: Record<string, string> = { node: process.versions.node, chromium: browserVersion };
  for (const name of PACKAGES) versions[name] = packageVersion(name);
  const { suite, adapter, rows, ratios, figures } = result;
  const date = new Date().toISOString();
  console.log(JSON.stringify({ suite, adapter, versions, date, rows, ratios, ...figures }));
}

/** Median of an odd or even number of figures. @throws RangeError when there is none. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  const lower = sorted[middle - 1];
  if (upper === undefined) throw new RangeError('median of no figures');
  return sorted.length % 2 === 1 || lower === undefined ? upper : (upper + lower) / 2;
}
