// A run that is cut off by a reload goes on from its last checkpoint, with every step once.
import { expect, test } from '@playwright/test';
import { addSample, keptLosses, openApp, runPane, runStatus, startRun, waitForStep } from './app';

test('resume: a reload in mid-run loses nothing that was saved', async ({ page }) => {
  const steps = 30;
  await openApp(page);
  await addSample(page);
  await startRun(page, { steps, checkpointEvery: 5 });
  await waitForStep(page, 7);
  await page.reload();
  await expect(runStatus(page)).toHaveText('Interrupted');
  await expect(runPane(page).getByText('This run was cut off.')).toBeVisible();
  const before = await keptLosses(page);
  expect(before.length).toBeLessThan(steps);
  expect(before.length).toBeGreaterThanOrEqual(5);

  await runPane(page).getByRole('button', { name: 'Resume' }).click();
  await expect(runStatus(page)).toHaveText('Finished');
  const after = await keptLosses(page);
  expect(after.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
  expect(after.slice(0, before.length)).toEqual(before);
});
