// A dataset with duplicates, rows of no use and leakage: checked, mended step by step, and taken back.
import { expect, test, type Page } from '@playwright/test';
import { openApp } from './app';

/** Nine words that no other row has. */
const words = (row: number) =>
  Array.from({ length: 9 }, (_, i) => ((row + 3) * (i + 7) * 104_729).toString(36)).join(' ');

const rows = [
  ...Array.from({ length: 12 }, (_, i) => [`Read mark ${i}.`, words(i)]),
  ['What is slag?', 'What the fire leaves of the ore.'],
  ['What is slag?', 'What the fire leaves of the ore.'],
  ['What is slag?', 'What the fire leaves of the ore.'],
  ['What is a tuyere?', 'The pipe that brings air to the fire, made of iron or of clay, as long as an arm.'],
  ['What is a tuyere?', 'The pipe that brings air to the fire, made of iron or of clay, as long as an arm!'],
  ['What is flux?', 'caf\ufffd'],
];
const JSONL = rows.map(([prompt, completion]) => JSON.stringify({ prompt, completion })).join('\n');

const panel = (page: Page) => page.getByRole('region', { name: 'Quality' });

/** Training and held-out rows together. */
async function rowsInSplit(page: Page): Promise<number> {
  const split = page.locator('.stat').filter({ hasText: 'Train / eval' }).locator('.stat__val');
  const counts = (await split.innerText()).match(/\d+/g) ?? [];
  return counts.reduce((sum, count) => sum + Number(count), 0);
}

test('quality: duplicates and broken rows are found, reviewed, left out, and come back', async ({ page }) => {
  await openApp(page, '#/data');
  await page
    .getByLabel('Choose files')
    .setInputFiles({ name: 'smith.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(JSONL) });
  await expect(panel(page).getByText('Not checked yet')).toBeVisible();
  await panel(page).getByRole('button', { name: 'Check', exact: true }).click();
  const steps = panel(page).getByRole('list', { name: 'Next steps' }).getByRole('listitem');
  await expect(steps.filter({ hasText: '2 exact duplicates' })).toBeVisible();
  await expect(steps.filter({ hasText: '1 near duplicate' })).toBeVisible();
  const faulty = steps.filter({ hasText: '1 row is empty or broken' });
  await faulty.getByRole('button', { name: 'Review' }).click();
  await expect(page.getByRole('dialog')).toContainText('What is flux?');
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();

  await faulty.getByRole('button', { name: 'Leave out' }).click();
  await steps.filter({ hasText: 'exact' }).getByRole('button', { name: 'Leave out' }).click();
  await expect(panel(page).getByText('2 exact duplicates left out')).toBeVisible();
  await expect.poll(() => rowsInSplit(page)).toBe(15);

  await panel(page).getByRole('button', { name: 'Check again' }).click();
  await expect(steps.filter({ hasText: 'near duplicate' })).toBeVisible();
  await expect(steps.filter({ hasText: 'exact' })).toHaveCount(0);

  await page.reload();
  const done = panel(page).locator('.q').filter({ hasText: '2 exact duplicates left out' });
  await done.getByRole('button', { name: 'Undo' }).click();
  await expect(done).toHaveCount(0);
  await expect.poll(() => rowsInSplit(page)).toBe(17);
});
