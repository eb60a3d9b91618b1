import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { GUIDE, withSettings } from './backend-settings';

it('data backends guide: its table of settings is current (npm run settings)', async () => {
  const guide = readFileSync(GUIDE, 'utf8');
  expect(guide).toBe(await withSettings(guide));
});

it('data backends guide: a setting that is missing from the table is put back', async () => {
  const guide = readFileSync(GUIDE, 'utf8');
  expect(await withSettings(guide.replace(/^\| `probability`.*\n/m, ''))).toBe(guide);
});
