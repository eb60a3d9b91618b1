// Fails when the first view needs more JavaScript than its budget: what the page loads before anyone touches it,
// gzip bytes, read from the build's manifest. Workers load beside it and are not part of the page's thread.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const BUDGET_BYTES = 150 * 1024;

/** Sources that the first visit loads: the entry, then the view it opens on. */
const FIRST_VIEW = [
  /^index\.html$/,
  /src\/app\/views\/(chat|welcome)\/[A-Z]\w*View\.svelte$/,
  /src\/app\/i18n\/en/,
];

interface Chunk {
  file: string;
  imports?: string[];
}

type Manifest = Record<string, Chunk>;

function closure(manifest: Manifest, keys: string[]): Set<string> {
  const files = new Set<string>();
  const seen = new Set<string>();
  const queue = [...keys];
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    const chunk = manifest[key];
    if (chunk === undefined || seen.has(key)) continue;
    seen.add(key);
    if (chunk.file.endsWith('.js')) files.add(chunk.file);
    queue.push(...(chunk.imports ?? []));
  }
  return files;
}

const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8')) as Manifest;
const roots = Object.keys(manifest).filter((key) => FIRST_VIEW.some((pattern) => pattern.test(key)));
let total = 0;
for (const file of closure(manifest, roots)) {
  const bytes = gzipSync(readFileSync(dist + file), { level: 9 }).length;
  total += bytes;
  console.log(`${(bytes / 1024).toFixed(1).padStart(8)} kB  ${file}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(8)} kB  first view, of ${BUDGET_BYTES / 1024} kB allowed`);
if (total > BUDGET_BYTES || roots.length < 2) process.exitCode = 1;
