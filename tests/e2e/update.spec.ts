// A new build appears on the server while the tab is open: it is announced, waits until no run is going, and starts when
// the user says so. A small server hands out a copy of the built app, so that a build can really follow another.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test as base } from '@playwright/test';
import { preview } from 'vite';
import {
  addSample,
  appUrl,
  ask,
  limitAnswers,
  openView,
  runPane,
  runStatus,
  serviceWorkerReady,
  startRun,
  statusBar,
  waitForStep,
} from './app';

interface Site {
  url: string;
  /** Puts the next build in the place of the present one: another index.html, and a list of files that says so. */
  publish: () => Promise<void>;
}

const MARK = '<meta name="build" content="next" />';

async function publish(folder: string): Promise<void> {
  const index = join(folder, 'index.html');
  await writeFile(index, (await readFile(index, 'utf8')).replace('</head>', `${MARK}</head>`));
  const script = join(folder, 'service-worker.js');
  const listed = /(?<="revision":")\w+(?=","url":"index\.html")/;
  const before = await readFile(script, 'utf8');
  if (!listed.test(before)) throw new Error('service-worker.js does not list index.html with a revision.');
  await writeFile(script, before.replace(listed, 'next'));
}

const test = base.extend<{ site: Site }>({
  site: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'fragua-site-'));
    await cp(process.env['E2E_DIST'] ?? 'dist', folder, { recursive: true });
    const server = await preview({ build: { outDir: folder }, preview: { port: 0 }, logLevel: 'error' });
    const url = server.resolvedUrls?.local[0];
    if (url === undefined) throw new Error('The preview server has no address.');
    await use({ url, publish: () => publish(folder) });
    await server.close();
    await rm(folder, { recursive: true, force: true });
  },
});

test.use({ serviceWorkers: 'allow' });

test('update: announced, held back by a run, started by the user', async ({ page, site }) => {
  const notice = page.getByText('A new version is ready.');
  const mark = page.locator('meta[name=build]');
  const reload = page.getByRole('button', { name: 'Reload now' });
  await page.goto(new URL(appUrl(), site.url).href);
  await expect(statusBar(page)).toContainText('Processor (wasm)');
  await serviceWorkerReady(page);
  await limitAnswers(page, 8);
  const question = 'Will you remember this?';
  await ask(page, question);
  await addSample(page);
  await startRun(page, { steps: 400, checkpointEvery: 2 });
  await waitForStep(page, 2);

  await test.step('announced: nothing is interrupted', async () => {
    await expect(notice).toBeHidden();
    await site.publish();
    await page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.update());
    await expect(notice).toBeVisible();
    await expect(page.getByText('run-1 is training: it can start')).toBeVisible();
    await expect(reload).toBeDisabled();
    await expect(runStatus(page)).toHaveText('Training');
    await expect(mark).not.toBeAttached();
  });

  await test.step('after the run: one click starts it', async () => {
    await runPane(page).getByRole('button', { name: 'Pause' }).click();
    await expect(runStatus(page)).toHaveText('Paused, state saved');
    await reload.click();
    await expect(mark).toBeAttached();
    await expect(notice).toBeHidden();
  });

  await test.step('what was there is there', async () => {
    await expect(runStatus(page)).toHaveText('Paused, state saved');
    await openView(page, 'Chat');
    await page.getByRole('link', { name: question }).click();
    await expect(page.getByRole('log').getByText(question)).toBeVisible();
  });
});
