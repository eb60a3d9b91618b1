// The engine's worker goes away without a word: no error, no message, only silence. The supervisor counts the beats that
// do not come, asks once more, and starts another one; the run goes on from its checkpoint with every step once.
// The page's clock is wound forward instead of waiting for minutes: what counts, asks and restarts is the app's own.
import { expect, test, type Page } from '@playwright/test';
import { addSample, keptLosses, openApp, runPane, runStatus, startRun, waitForStep, workersOf } from './app';

/** Less than the silence that a training worker is allowed. */
const PATIENCE_MS = 150_000;
/** One look of the supervisor. In between the page has real time: a worker that lives would be heard. */
const TICK_MS = 5_000;

/** @returns all that notifications say from now on: a clock that is wound forward takes them away before they are seen. */
async function hearNotifications(page: Page): Promise<() => Promise<string>> {
  await page.evaluate(() => {
    const region = document.querySelector('[role=region][aria-label=Notifications]');
    if (region === null) throw new Error('There is no region of notifications.');
    const said: string[] = [];
    new MutationObserver(() => said.push(region.textContent)).observe(region, {
      childList: true,
      subtree: true,
    });
    Object.assign(window, { said });
  });
  return () => page.evaluate(() => (Reflect.get(window, 'said') as string[]).join('\n'));
}

/** Ends the worker from within, as the browser does when it takes a worker away: nobody is told. */
async function closeSilently(page: Page, name: string): Promise<void> {
  const worker = page.workers().find((candidate) => candidate.url().includes(name));
  if (worker === undefined) throw new Error(`No worker ${name}.`);
  const closed = worker.waitForEvent('close');
  await worker.evaluate(() => self.close()).catch(() => undefined);
  await closed;
}

test('silent worker: missed, restarted, resumed', { tag: '@thorough' }, async ({ page }) => {
  // So many that it is not over before the worker is gone.
  const steps = 30;
  await page.clock.install();
  await openApp(page);
  await addSample(page);
  await startRun(page, { steps, checkpointEvery: 2 });
  await waitForStep(page, 3);
  await closeSilently(page, 'engine.worker');

  await test.step('silence is noticed, and said', async () => {
    const said = await hearNotifications(page);
    // A training worker may be silent for long: one kernel can take minutes.
    await page.clock.runFor(PATIENCE_MS);
    expect(await said()).toBe('');
    await expect(async () => {
      await page.clock.runFor(TICK_MS);
      expect(await said()).toContain('The engine worker stopped answering.');
    }).toPass({ intervals: [100], timeout: 200_000 });
    await expect(runStatus(page)).toHaveText('Interrupted');
  });

  await test.step('the run goes on', async () => {
    await runPane(page).getByRole('button', { name: 'Resume' }).click();
    await expect(runStatus(page)).toHaveText('Finished');
    expect(workersOf(page, 'engine.worker')).toBe(1);
    const kept = await keptLosses(page);
    expect(kept.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
  });
});
