import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { placesOf } from '../src/core/config/backends/backend-entries';
import { allBackendFields, type BackendField } from '../src/core/config/backends/describe-fields';
import { GUIDE, withSettings } from './backend-settings';

it('data backends guide: its table of settings is current (npm run settings)', async () => {
  const guide = readFileSync(GUIDE, 'utf8');
  expect(guide).toBe(await withSettings(guide));
});

it('data backends guide: a setting that is missing from the table is put back', async () => {
  const guide = readFileSync(GUIDE, 'utf8');
  expect(await withSettings(guide.replace(/^\| `probability`.*\n/m, ''))).toBe(guide);
});

it('data backends: every setting on offer is read by something besides the schemas', () => {
  const describes = /config\/backends\/(fields|normalise|drift|settings-without)|i18n|\.test\.ts$/;
  const readers = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(ts|svelte)$/.test(path) && !describes.test(path))
    .map((path) => `src/${path}`);
  const words = new Set(readers.flatMap((path) => readFileSync(path, 'utf8').match(/[a-z]\w+/g) ?? []));
  const keys = (field: BackendField): string[] => [field.key, ...field.fields.flatMap(keys)];
  const offered = allBackendFields(placesOf).flatMap(({ field }) => keys(field));
  expect(offered.filter((key) => !words.has(key))).toEqual([]);
});
