// The engine's worker breaks in mid-run, as it does when memory runs out: an error that nobody catches. The page says so,
// ends what is left of it, starts another one, and the run goes on.
import { expect, test, type Page } from '@playwright/test';
import {
  addSample,
  ask,
  limitAnswers,
  openApp,
  openView,
  runPane,
  runStatus,
  startRun,
  waitForStep,
  workersOf,
} from './app';

/** Throws inside the worker, from the debugger: nothing in the app knows of it. */
async function killWorker(page: Page, name: string): Promise<void> {
  const worker = page.workers().find((candidate) => candidate.url().includes(name));
  if (worker === undefined) throw new Error(`No worker ${name}.`);
  await worker.evaluate(() => {
    setTimeout(() => {
      throw new RangeError('Array buffer allocation failed');
    });
  });
}

test('worker killed: told, restarted, resumed', { tag: '@thorough' }, async ({ page }) => {
  await openApp(page);
  await addSample(page);
  await startRun(page, { steps: 400, checkpointEvery: 2 });
  await waitForStep(page, 3);
  await killWorker(page, 'engine.worker');
  await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('The engine worker');
  await expect(runStatus(page)).toHaveText('Interrupted');
  await runPane(page).getByRole('button', { name: 'Resume' }).click();
  await expect(runStatus(page)).toHaveText('Training');
  await runPane(page).getByRole('button', { name: 'Pause' }).click();
  await expect(runStatus(page)).toHaveText('Paused, state saved');
  await openView(page, 'Chat');
  await limitAnswers(page, 8);
  await ask(page, 'Are you well?');
  expect(workersOf(page, 'engine.worker')).toBe(1);
});
