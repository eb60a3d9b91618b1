import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';

it('custom properties: each that is used without a fallback is set somewhere', () => {
  const sources = readdirSync('src/app', { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(css|svelte|ts)$/.test(path) && !path.endsWith('.test.ts'))
    .map((path) => ({ path, text: readFileSync(`src/app/${path}`, 'utf8') }));
  const isSet = /(?<=[\s;{"':])--[\w-]+(?=\s*:|'|=)/g;
  const known = new Set(sources.flatMap(({ text }) => text.match(isSet) ?? []));
  const unknown = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/var\((--[\w-]+)\)/g)]
      .map(([, name]) => name ?? '')
      .filter((name) => !known.has(name))
      .map((name) => `${path}: ${name}`),
  );
  expect(unknown).toEqual([]);
});
